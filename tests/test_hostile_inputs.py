"""Whatever comes from elsewhere, a parser of ours takes it or refuses it in one sentence: reports, orders, answers.

The configuration, paths, SQL, texts and ratchets have such tests beside their own; ``make fuzz`` runs them longer.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolation_audit import Auditor, user_scope
from isolation_audit.analysis.orders.automaton import compile_order
from isolation_audit.analysis.orders.grammar import OrderError
from isolation_audit.cli.show import show
from isolation_audit.config import parse_config
from isolation_audit.exceptions import UsageError
from isolation_audit.gate import judging as gate
from isolation_audit.gate.http_exchange import Answer

EXAMPLES = int(os.environ.get("ISOLATION_AUDIT_EXAMPLES", "60"))
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def real_report() -> dict[str, Any]:
    """What a run with one finding leaves."""

    class Emitter:
        def send(self, to: str, kind: str) -> str:
            return kind

    module = __import__("types").ModuleType("app_of_any_input")
    module.Emitter = Emitter
    Emitter.__module__ = module.__name__
    __import__("sys").modules[module.__name__] = module
    config = {
        "emitters": [{"target": f"{module.__name__}:Emitter", "addressee": "args.to", "methods": {"send": "args.kind"}}]
    }
    with Auditor(parse_config(config)) as auditor, user_scope("alice"):
        Emitter().send("bob", "answer")
        return json.loads(json.dumps(auditor.snapshot()))


REPORT = real_report()


def json_of(value: Any) -> str:
    """With infinities as a number that is JSON, and too large for a float."""
    return json.dumps(value).replace("Infinity", "1e999")


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value in a report."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, one in inside for place in places(one, (*way, key)))]


PLACES = places(REPORT)[1:]


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), st.booleans())
@MANY
def test_any_report_is_shown_and_judged_or_refused(changes: list[tuple[Any, Any]], as_json: bool) -> None:
    report = copy.deepcopy(REPORT)
    for (*way, last), garbage in changes:
        inner: Any = report
        try:
            for step in way:
                inner = inner[step]
            inner[last] = garbage
        except (LookupError, TypeError):
            continue  # an earlier change has taken that place away
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        path.write_text(json_of(report))
        done = CliRunner().invoke(show, [str(path), *(["--json"] if as_json else [])])
        assert done.exception is None or isinstance(done.exception, (UsageError, SystemExit)), report
        if done.exception is None:
            assert all(line.isprintable() for line in done.output.splitlines())
        try:
            figures = gate.of_report(report)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            return  # what reading a report refuses with a sentence
        assert isinstance(gate.judge(figures, gate.LIMITS), list)


@given(
    st.text(alphabet="ab (|)*+?._-\n\t\u00e9", max_size=60)
    | st.lists(st.sampled_from(["a", "b", "(", ")", "|", "*", "+", "?", "...", "(a ... b)"]), max_size=30).map(" ".join)
)
@MANY
def test_any_order_is_compiled_or_refused(text: str) -> None:
    try:
        automaton = compile_order(text)
    except OrderError:
        return
    assert automaton.events


@given(st.binary(max_size=200) | VALUES.map(lambda value: json_of({"data": {"result": value}}).encode()))
@MANY
def test_any_answer_is_a_figure_or_refused(body: bytes) -> None:
    def answer(_url: str) -> Answer:
        return Answer(200, body)

    before, gate.exchange = gate.exchange, answer  # type: ignore[assignment]
    try:
        value = gate._ask("http://127.0.0.1:9", "sum(x)")
    except UsageError:
        pass
    else:
        assert value is None or isinstance(value, int)
    finally:
        gate.exchange = before  # type: ignore[assignment]
