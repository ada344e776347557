"""Reads of what another unit has written, kept until the unit that has read it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import ref

from isolation_audit.content.naming import ATTRIBUTIONS
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.stacks import capture
from isolation_audit.rules.state.contents import described, is_future, names, texts

if TYPE_CHECKING:
    from isolation_audit.rules.state.memos import MemoReader
    from isolation_audit.rules.state.records import Write

_STACK: Final = 24
"""Frames that are kept of whoever reads."""


class Taken:
    """One read of what another unit has written."""

    __slots__ = (
        *(
            "_future",
            "among_others",
            "container",
            "container_class",
            "described",
            "entry",
            "handed",
            "key",
            "kind",
            "listed",
            "overwritten",
            "site",
        ),
        *("authors", "kept", "names", "of_many", "stack", "texts", "waited_at", "write"),
    )

    def __init__(self, write: Write, container: object, kind: str, key: object, value: object, site: int) -> None:
        self.write = write
        self.container = id(container)
        cls = type(container)
        self.container_class = f"{type.__getattribute__(cls, '__module__')}:{cls.__qualname__}"
        self.kind = kind
        self.key = key
        self.site = site
        self.texts = tuple(texts(value))
        self.names = (*names(value),)
        self.authors = authors(value) | authors(container)
        """Who is said to have made it, where it is a record or a part of one."""
        self.entry: tuple[Write, int] | None = None
        """The entry of a mapping that was read as a whole, which this is or is a part of, and the site of that."""
        self._future = ref(value) if is_future(value) else None
        self.described = described(value)
        self.stack = capture(_STACK)
        self.kept: MemoReader | None = None
        """The function that reads, where it has kept this itself."""
        self.overwritten: Write | None = None
        """What this unit itself had written there before."""
        self.waited_at = False
        """True where somebody still waits at that for an answer, and this here would be answered instead."""
        self.of_many = False
        """True for one record among many, or a part of one: its name may say who has made it, or who is there."""
        self.among_others = False
        """True where a whole container was read, which may have been gone through for some of it."""
        self.handed = False
        """True where all is taken out and handed on: to whom, only what leaves tells."""
        self.listed = False
        """True for one of many in a container that has something of the reader's, too: a list of who is there."""

    def complete(self) -> None:
        """Look again at what was still to come when it was read."""
        future = None if self._future is None else self._future()
        if future is not None and not self.texts:
            self.texts = tuple(texts(future))


_PARTIES: Final = (
    "who",
    "bidder",
    "buyer",
    "host",
    "leader",
    "player",
    "poster",
    "seller",
    "speaker",
    "voter",
    "winner",
)
"""Fields of what is dealt with in public, beside those of what is said there."""


def authors(value: object) -> frozenset[str]:
    """The texts in the fields of a record that say who has made it."""
    held = value if type(value) is dict else fields(value)
    found = (held.get(name) for name in (*ATTRIBUTIONS, *_PARTIES)) if held else ()
    return frozenset(one for one in found if type(one) is str)
