"""Django: the rows that its cursors fetch, for the ORM and for SQL by hand, whatever driver brings them."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content.questions import of_statement
from isolation_audit.content.written_owners import writes
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point, Replacement
from isolation_audit.model.inputs import LIMIT, ROWS, Input
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_CURSOR: Final = "django.db.backends.utils:CursorWrapper"
_FETCHES: Final = frozenset({"fetchone", "fetchmany", "fetchall"})

Questions = WeakKeyDictionary[Any, Any]
"""The parameters of each cursor's latest statement."""


class DjangoRows:
    """The integration."""

    distribution = "Django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point | Replacement]:
        """What runs a statement; and fetching, which goes past the wrapper's methods to the driver's."""
        inputs = receiver(runtime)
        if inputs is None:
            return
        questions: Questions = WeakKeyDictionary()
        for name in ("_execute", "_executemany"):
            yield Point(
                f"{_CURSOR}.{name}", partial(AskPoint, f"{_CURSOR}.{name}", questions, runtime.listener(RowsWritten))
            )
        for name, make in (("__getattr__", _looking_up), ("__iter__", _iterating)):
            yield Replacement(f"{_CURSOR}.{name}", FetchPoint(f"{_CURSOR}.{name}", inputs, questions), make)


class AskPoint(Interceptor):
    """Around the running of a statement."""

    def __init__(self, place: str, questions: Questions, written: RowsWritten, layout: Layout) -> None:
        self.place = place
        self._questions = questions
        self._written = written
        self._self_of = layout.receiver_reader()
        self._statement = layout.argument("sql")
        self._given = layout.argument("params" if place.endswith("_execute") else "param_list")

    def before(self, values: Values) -> None:
        """Keep it, with its parameters."""
        given = self._given(values)
        statement = self._statement(values)
        self._questions[self._self_of(values)] = None if given is None else (statement, given)
        if given is not None and writes(statement):
            self._written.wrote(_CURSOR, statement, given)


class FetchPoint(Interceptor):
    """Asked with ``(cursor, rows, number of rows)`` after each fetch."""

    def __init__(self, place: str, inputs: Receiver, questions: Questions) -> None:
        self.place = place
        self._receive = inputs.receive
        self._questions = questions

    def before(self, values: Values) -> None:
        """Keep what was read."""
        cursor, rows, number = values
        self._receive(Input(ROWS, rows, self._questions.get(cursor), asked=of_statement), number)


def _looking_up(original: Any, probe: Probe) -> Any:
    """The method that finds the driver's, whose fetches tell ``probe`` what they gave."""

    @wraps(original)
    def __getattr__(self: Any, attr: str) -> Any:  # noqa: N807 - it stands for that method
        found = original(self, attr)
        return _telling(self, attr, found, probe) if attr in _FETCHES and len(probe) else found

    return __getattr__


def _telling(cursor: Any, name: str, fetch: Callable[..., Any], probe: Probe) -> Any:
    @wraps(fetch)
    def fetching(*args: Any, **kwargs: Any) -> Any:
        rows = fetch(*args, **kwargs)
        if rows:
            probe.before((cursor, rows, 1 if name == "fetchone" else len(rows)))
        return rows

    return fetching


def _iterating(original: Any, probe: Probe) -> Any:
    @wraps(original)
    def __iter__(self: Any) -> Iterable[Any]:  # noqa: N807 - it stands for that method
        read: list[Any] = []
        for row in original(self):
            if not read:
                probe.before((self, read, 1))
            if len(read) < LIMIT:
                read.append(row)
            yield row

    return __iter__


integration = DjangoRows()
