"""One line for each case: its number, what the suite thinks of the answer and of the closing, and the
close code if the hub chose it. A case that fails for another reason than a message that is too long
is an error, whatever is expected."""

import json
import sys

FINE = {"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}
TOO_BIG = 1009


def number(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)["rowcast"]
    wrong = []
    for case, result in sorted(cases.items(), key=lambda item: number(item[0])):
        code = result["remoteCloseCode"]
        line = f"{case} {result['behavior']} {result['behaviorClose']}"
        print(line, code if code == TOO_BIG else "", sep=" " if code == TOO_BIG else "")
        if result["behavior"] not in FINE and code != TOO_BIG:
            wrong.append(line)
    if wrong:
        sys.exit("failed: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
