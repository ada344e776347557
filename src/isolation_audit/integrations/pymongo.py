"""pymongo, and motor on top of it: the documents that a unit of work reads and writes, and what it asks with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.model.inputs import ROWS, Input
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_BATCHES: Final = ("firstBatch", "nextBatch")
_GREETINGS: Final = frozenset({"helloOk", "isWritablePrimary", "ismaster", "isreplicaset"})
"""What the answer to a greeting has, which drivers exchange by themselves."""

_DEPTH: Final = 32

_COLLECTIONS: Final = (
    "pymongo.synchronous.collection:Collection",
    "pymongo.asynchronous.collection:AsyncCollection",
)
_WRITES: Final = (
    ("insert_one", "document"),
    ("insert_many", "documents"),
    *((f"{verb}_{number}", "filter") for verb in ("update", "delete") for number in ("one", "many")),
    ("replace_one", "filter"),
)
"""Methods that write, each with what says whose documents these are."""


class Pymongo:
    """The integration."""

    distribution = "pymongo"
    since = "4.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What each query is made of, and what all answers are unpacked by, for threads and for event loops."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Point(QueryPoint.place, partial(QueryPoint, inputs))
            yield Point(AnswerPoint.place, partial(AnswerPoint, inputs))
            written = runtime.listener(RowsWritten)
            for collection in _COLLECTIONS:
                for name, argument in _WRITES:
                    yield Point(f"{collection}.{name}", partial(WritePoint, f"{collection}.{name}", argument, written))


class QueryPoint(Interceptor):
    """Around the making of a query, which is about to be sent."""

    place = "pymongo.message:_Query.__init__"

    def __init__(self, inputs: Receiver, layout: Layout) -> None:
        self._receive = inputs.receive
        self._filter = layout.argument("spec")

    def before(self, values: Values) -> None:
        """It is a question."""
        asked = self._filter(values)
        if asked:
            self._receive(Input(ROWS, None, asked, asked=of_documents), 0)


class AnswerPoint(Interceptor):
    """Around the unpacking of an answer."""

    place = "pymongo.message:_OpMsg.unpack_response"

    def __init__(self, inputs: Receiver, _layout: Layout) -> None:
        self._receive = inputs.receive

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """Keep the documents."""
        for answer in result:
            if isinstance(answer, dict) and _GREETINGS.isdisjoint(answer):
                self._receive(Input(ROWS, answer, texts=of_documents), _rows(answer))


class WritePoint(Interceptor):
    """Around what writes documents, or changes those that a filter finds: told as statements of SQL would say it."""

    def __init__(self, place: str, argument: str, written: RowsWritten, layout: Layout) -> None:
        self.place = place
        self._inserts = argument != "filter"
        self._written = written
        self._self_of = layout.receiver_reader()
        self._given_of = layout.argument(argument)

    def before(self, values: Values) -> None:
        """It is about to be sent. What is made one by one is left to the library."""
        given = self._given_of(values)
        for one in given if type(given) is list else [given]:
            if type(one) is dict:
                named = {key: value for key, value in one.items() if type(value) is str or type(value) is int}
                self._written.wrote(self.place, self._statement(self._self_of(values), named), (*named.values(),))

    def _statement(self, collection: Any, named: dict[str, Any]) -> str:
        if self._inserts:
            columns, signs = ", ".join(named), ", ".join("?" * len(named))
            return f"insert into {collection.name} ({columns}) values ({signs})"  # noqa: S608 - nobody runs it
        return f"update {collection.name} where " + " and ".join(f"{key} = ?" for key in named)


def _rows(answer: dict[str, Any]) -> int:
    cursor = answer.get("cursor")
    batches = [cursor.get(name) for name in _BATCHES] if isinstance(cursor, dict) else []
    return sum(len(batch) for batch in batches if isinstance(batch, list)) or 1


def of_documents(value: Any, depth: int = _DEPTH) -> Any:
    """Plain data of documents: ids of objects as they are written."""
    if not depth:
        return None
    if isinstance(value, dict):
        return {key: of_documents(one, depth - 1) for key, one in list(value.items())}
    if isinstance(value, list | tuple):
        return [of_documents(one, depth - 1) for one in list(value)]
    return str(value) if type(value).__name__ == "ObjectId" else value


integration = Pymongo()
