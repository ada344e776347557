"""The journal sink: lines as they happen, appended, private."""

import json
import stat

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.exporters.journal import JournalSink


def test_each_new_finding_is_one_line(tmp_path, load_app):
    path = tmp_path / "logs" / "journal.jsonl"
    app = load_app("class Emitter:\n    def emit_answer(self, to):\n        pass\n")
    config = parse_config({"emitters": [{"target": f"{app.__name__}:Emitter", "addressee": "args.to"}]})
    for _session in range(2):
        with Auditor(config, lambda *_args, **_kwargs: [JournalSink(path)]), user_scope("alice"):
            for _repeat in range(3):
                app.Emitter().emit_answer("bob")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["rule"] for line in lines] == ["IA202", "IA202"]
    assert lines[0]["fingerprint"] == lines[1]["fingerprint"]
    assert "alice" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
