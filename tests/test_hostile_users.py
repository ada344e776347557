"""Many users, hostile values among theirs: nothing planted is in anything that goes out.

What ten thousand of them cost in memory, ``make memory`` tells.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import quote

from doors import Project, clean_environment, cli
from receivers import free_port, get, receiver

PROGRAM = Path(__file__).with_name("hostile_users.py").read_text(encoding="utf-8")
SECRETS = [f"Planted{number:02d}q9Secret{number * 7919 % 100_000:05d}" for number in range(40)]
KEY, ENDPOINT, HEADER, STORE, VARIABLE, COOKIE_NAME, FILE = SECRETS[33:40]
CONFIG = Path(__file__).with_name("hostile_users.toml").read_text(encoding="utf-8")
WAYS_OUT = """
[journal]
path = "journal.jsonl"

[prometheus]
port = {port}

[otlp]
endpoint = "{endpoint}"
protocol = "http/protobuf"
headers = {{ x-token = "{header}" }}

[bindings]
store = "redis://user:{store}@127.0.0.1:9/0"
"""


def test_a_few_hundred_users(tmp_path: Path) -> None:
    many_users(tmp_path, 300, 9_000)


def many_users(folder: Path, users: int, events: int) -> None:
    """Run the program with every way out, and look through all of them."""
    project = Project(folder)
    project.write("hostile_users.py", PROGRAM)
    project.write("secrets.json", json.dumps(SECRETS))
    words = ["-c", f"import hostile_users; hostile_users.main({users}, {events}, 'secrets.json')"]
    port = free_port()
    with receiver("http/protobuf") as received:
        endpoint = received.endpoint.replace("//", f"//user:{ENDPOINT}@")
        ways_out = WAYS_OUT.format(port=port, endpoint=endpoint, header=HEADER, store=STORE)
        project.write("isolation-audit.toml", CONFIG + ways_out)
        environment = clean_environment(
            ISOLATION_AUDIT_KEY=KEY, APP_TOKEN=VARIABLE, SESSION_NAME=COOKIE_NAME, FILE=FILE
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with (
            (folder / "stderr.txt").open("wb") as errors,
            subprocess.Popen(project.command(*words), cwd=folder, env=environment, stderr=errors, **pipes) as process,
        ):
            told = json.loads(process.stdout.readline())
            live = {
                "metrics": get(f"http://127.0.0.1:{port}/metrics"),
                "show": cli("show", "out", cwd=folder).out.decode(),
            }
            process.communicate(b"\n", timeout=120)
        sent = received.bytes().decode("latin-1")
    assert process.returncode == 0, (folder / "stderr.txt").read_text()
    report = project.report()
    assert report is not None
    assert report["summary"]["crossing_events"] >= told["crossings"]
    assert report["summary"]["events_total"] > events * 0.95
    files = {path.name: path.read_text("latin-1") for path in [*folder.glob("out/**/*.*"), folder / "journal.jsonl"]}
    ways_out = {
        **live,
        **files,
        "OTLP": sent,
        "stderr": (folder / "stderr.txt").read_text("latin-1"),
        "show --json": cli("show", "out", "--json", cwd=folder).out.decode(),
    }
    for name in ("metrics", "show", "show --json", "report.json", "journal.jsonl", "OTLP", "stderr"):
        assert "IA202" in ways_out[name] or "isolation_audit" in ways_out[name], name
    for name, content in ways_out.items():
        found = [secret for secret in SECRETS if secret in content or quote(secret) in content]
        assert found == [], f"{name} holds {found}"
    assert received.headers[0]["x-token"] == HEADER, "what was asked for does go out, to where it belongs"
