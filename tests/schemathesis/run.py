"""Holds a running hub against its own description: no server error, every answer as declared.

Starts the built binary on a throwaway SQLite database, furnishes it, and lets schemathesis ask every
operation of /api/v1/openapi.json with good and bad data, the same every time.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "0199f0a2-0000-7000-8000-00000000000a"
TASK = "0199f0a2-0000-7000-8000-000000000001"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
]
FURNITURE = f"""
INSERT INTO users (id, name) VALUES ('ada', 'Ada'), ('bob', 'Bob');
INSERT INTO projects (id, name) VALUES ('{PROJECT}', 'Apollo');
INSERT INTO members (project_id, user_id, name, role) VALUES
    ('{PROJECT}', 'ada', 'Ada', 'owner'), ('{PROJECT}', 'bob', 'Bob', 'editor');
INSERT INTO tasks (id, project_id, title) VALUES ('{TASK}', '{PROJECT}', 'First');
"""


def start(folder: Path, environment: dict) -> tuple[subprocess.Popen, str]:
    """The hub, and its address as its log tells it."""
    hub = subprocess.Popen(
        [binary(), "serve"], cwd=folder, env=environment, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, text=True,
    )
    for line in hub.stderr:
        entry = json.loads(line)
        address = entry.get("fields", entry).get("address")
        if address:
            return hub, f"http://{address}"
    raise SystemExit("the hub does not start")


def binary() -> str:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "debug" / "rowcast")


def settings(folder: Path, url: str, token: str) -> Path:
    """What schemathesis is told: where, who, and ids that exist."""
    file = folder / "schemathesis.toml"
    file.write_text(f"""
base-url = "{url}"
headers = {{ Authorization = "Bearer {token}" }}

[parameters]
"path.project_id" = "{PROJECT}"
"path.user_id" = "ada"
"path.id" = "{PROJECT}"
"path.channel" = "project:{PROJECT}"

[[operations]]
include-path = "/api/v1/channels/project:{{project_id}}/tasks/{{key}}"
exclude-method = "DELETE"
parameters = {{ "path.key" = "{TASK}" }}
""")
    return file


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:{folder}/hub.db",
            "ROWCAST_SERVER__LISTEN": "127.0.0.1:0",
            "ROWCAST_LOG__FORMAT": "json",
            "ROWCAST_DEMO__ENABLED": "false",
            "ROWCAST_HTTP__PERSON_PER_SECOND": "0",
            "ROWCAST_HTTP__ADDRESS_PER_SECOND": "0",
        }
        hub, url = start(folder, environment)
        try:
            database = sqlite3.connect(folder / "hub.db", timeout=10)
            database.executescript(FURNITURE)
            database.close()
            token = subprocess.run(
                [binary(), "token", "--user", "ada", "--admin"], cwd=folder, env=environment,
                check=True, capture_output=True, text=True,
            ).stdout.strip()
            tool = Path(sys.executable).with_name("schemathesis")
            command = [
                str(tool), "--config-file", str(settings(folder, url, token)), "run",
                f"{url}/api/v1/openapi.json", "--checks", ",".join(CHECKS),
                "--phases", "examples,coverage,fuzzing", "--max-examples", "25",
                "--generation-deterministic", "--continue-on-failure", "--warnings", "off",
                "--no-color", *sys.argv[1:],
            ]
            outcome = subprocess.run(command, cwd=folder, check=False).returncode
            if hub.poll() is not None:
                print("the hub has ended", file=sys.stderr)
                return 1
            return outcome
        finally:
            hub.terminate()
            hub.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
