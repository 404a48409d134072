#!/usr/bin/env python3
"""Runs the samples of the documentation, page by page, and compares what they print.

A page is a story that is told in one new folder. Of its fenced blocks

    ```sh            is run; all of a page by one bash, which stops at the first failure
    ```toml NAME     (any language, then a file name) is written to that file
    ```text          is what the `sh` block before it must have printed; `…` stands for anything

and all others are not looked at. `rowcast` is the program that was built (ROWCAST_BIN), and so is
`cargo run --release`; `rowcast` is also the JavaScript package. A hub that a sample puts into the
background is waited for. Port 7070 becomes one that is free, so that pages can run anywhere.

    run.py README.md docs/own-tables.md
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)(?:[ \t]+(\S+))?[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
IN_BACKGROUND = re.compile(r"^(?:\S+=\S+ )*(?:rowcast|cargo run).*&$", re.MULTILINE)
SECONDS = 120
WAIT = """
for _ in $(seq 200); do curl -sf http://127.0.0.1:7070/readyz >/dev/null && break; sleep 0.1; done
"""


@dataclass
class Step:
    """One block that is run, and what it must print."""

    line: int
    script: str
    expected: list[str] = field(default_factory=list)


def steps_of(page: str) -> list[Step]:
    """The runnable blocks of a page in order; files become commands that write them."""
    steps = []
    for block in FENCE.finditer(page):
        language, name, text = block.groups()
        line = page.count("\n", 0, block.start()) + 1
        if name:
            steps.append(Step(line, f"cat > {shlex.quote(name)} <<'ROWCAST_SAMPLE'\n{text}ROWCAST_SAMPLE\n"))
        elif language == "sh":
            steps.append(Step(line, IN_BACKGROUND.sub(lambda hub: hub[0] + WAIT, text)))
        elif language == "text" and steps:
            steps[-1].expected.append(text)
    return steps


def whole_script(steps: list[Step], port: int) -> str:
    """One script; a line of its own marks where a step begins."""
    parts = ["set -euo pipefail\n"]
    for number, step in enumerate(steps):
        parts.append(f"printf '\\n<<step {number}>>\\n'\n{step.script}\n")
    return "".join(parts).replace(":7070", f":{port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tools(folder: Path, binary: Path) -> Path:
    """A folder with the programs that samples call."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "rowcast").symlink_to(binary)
    cargo = programs / "cargo"
    cargo.write_text('#!/bin/sh\n[ "$1 $2" = "run --release" ] || exit 2\nshift 2\n[ "${1-}" = -- ] && shift\nexec rowcast "$@"\n')
    cargo.chmod(0o755)
    return programs


def run(script: str, binary: Path, port: int, story: Path) -> tuple[int, str]:
    """Runs a page's script in a new folder, and ends everything that it started."""
    programs = tools(story.parent, binary)
    modules = story / "node_modules"
    modules.mkdir(parents=True)
    (modules / "rowcast").symlink_to(ROOT / "clients" / "js")
    (story / "clients").symlink_to(ROOT / "clients")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("ROWCAST_")}
    environment = settings | {
        "NODE_OPTIONS": f"--import={ROOT}/tests/samples/older-node.mjs",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ROWCAST_SERVER__LISTEN": f"127.0.0.1:{port}",
        "ROWCAST_LOG__LEVEL": "warn",
    }
    output = story.parent / "output"
    with output.open("wb") as out:
        bash = subprocess.Popen(
            ["bash", "-c", script], cwd=story, env=environment, stdout=out, stderr=out, start_new_session=True
        )
        try:
            code = bash.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            end_group(bash.pid)
    return code, output.read_text(errors="replace").replace(f":{port}", ":7070")


def end_group(leader: int) -> None:
    """Ends what a script left running; a hub gets a moment to close its files."""
    for how in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(leader, how)
        except ProcessLookupError:
            return
        time.sleep(0.3)


def agrees(expected: str, printed: str) -> bool:
    """Whether a text was printed, `…` standing for anything."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
    return re.search(pattern, printed, re.DOTALL) is not None


def complaints(page: Path, binary: Path) -> list[str]:
    """What is wrong with a page."""
    steps = steps_of(page.read_text())
    if not steps:
        return [f"{page}: has no samples"]
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="rowcast-sample-") as folder:
        code, output = run(whole_script(steps, port), binary, port, Path(folder) / "story")
    printed = re.split(r"\n<<step \d+>>\n", output)[1:]
    if code != 0:
        where = steps[max(len(printed) - 1, 0)].line
        why = "did not end" if code == -1 else f"ended with {code}"
        return [f"{page}:{where}: {why}\n{printed[-1] if printed else output}"]
    return [
        f"{page}:{step.line}: should have printed\n{expected}\nand printed\n{text}"
        for step, text in zip(steps, printed)
        for expected in step.expected
        if not agrees(expected, text)
    ]


def main() -> int:
    binary = Path(os.environ.get("ROWCAST_BIN", ROOT / "target/debug/rowcast")).resolve()
    wrong = 0
    for page in map(Path, sys.argv[1:]):
        began = time.monotonic()
        found = complaints(page, binary)
        wrong += len(found)
        print(f"{'wrong' if found else 'good '} {page} ({time.monotonic() - began:.1f} s)", flush=True)
        for complaint in found:
            print(complaint, flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
