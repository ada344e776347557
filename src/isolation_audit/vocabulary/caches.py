"""What caches keep, and give to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from isolation_audit.analysis.value_sources import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from types import FunctionType

    from isolation_audit.analysis.value_sources import Given, Source
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.cache_libraries import Library
    from isolation_audit.model.users import User

    class ReadsFunctions(Protocol):
        """What knows where that comes from which functions return, or put into a cache at one of their lines."""

        def of(self, function: FunctionType, receiver: type | None = None, given: Given = NOTHING) -> Source:
            """What a function returns, whose ``self`` or ``cls`` is of the class ``receiver``."""

        def stored(self, function: FunctionType, line: int, given: Given = NOTHING) -> Source:
            """What it puts into a cache at ``line``."""


Table = dict[int | None, Any]
"""One cache: by the hash of a key, what is known of who has stored there."""


class Memo:
    """One function whose results are cached; ``settled`` once it is known that they are nobody's."""

    __slots__ = ("function", "given", "settled", "target")

    def __init__(self, function: FunctionType, given: Given = NOTHING) -> None:
        self.function = function
        self.given = given
        """Where parameters come from that the cache's key leaves out."""
        self.target = f"{function.__module__}:{function.__qualname__}"
        self.settled = False

    def receiver(self, args: tuple[Any, ...]) -> type | None:
        """The class whose method it is; ``args`` are those of a call."""
        return _receiver(self.function, args)

    def source(self, reading: ReadsFunctions, receiver: type | None) -> Source:
        """Where the results come from."""
        return reading.of(self.function, receiver, self.given)


def _receiver(function: FunctionType, args: tuple[Any, ...]) -> type | None:
    code = function.__code__
    first = code.co_varnames[0] if code.co_argcount else ""
    if not args or first not in {"self", "cls"}:
        return None
    return args[0] if first == "cls" and isinstance(args[0], type) else type(args[0])


class CachedValues:
    """Values of functions that are cached: who has had them computed, and who is given them."""

    __slots__ = ()

    runtime: Runtime

    def user(self) -> User | None:
        """Whose work is running, where that is a user's."""
        raise NotImplementedError

    def served(
        self,
        memo: Memo,
        *,
        writer: User,
        reader: User,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        value: Any,
        libraries: tuple[str, ...] = (),
    ) -> bool:
        """Judge a value that ``writer`` had computed, and ``reader`` is given; False where it is of no user at all."""
        raise NotImplementedError

    def once_of_the_user(self, memo: Memo, then: Callable[[], None]) -> None:
        """Call ``then`` where the results of a function are made from the ambient variable; it may be later."""

    def is_nobodys(self, function: FunctionType, receiver: type) -> bool:
        """True where it is known already that its results are not made from the ambient variable."""
        raise NotImplementedError


class CacheEntries:
    """Entries of caches with keys: who stores them, and who fetches them."""

    __slots__ = ()

    def of_object(self, cache: Any) -> Table | None:
        """The table of a cache that is an object; None for one that can't be told from another."""
        raise NotImplementedError

    def of_name(self, name: Hashable) -> Table:
        """The table of a cache that several objects stand for."""
        raise NotImplementedError

    def store(self, table: Table, key: Any, library: Library) -> None:
        """Something is stored; what nobody's work stored is nobody's."""

    @staticmethod
    def writer(table: Table, key: Any) -> str | None:
        """The id of the user in whose work something was stored; None for nobody, and where that is not known."""
        raise NotImplementedError

    def fetch(self, table: Table, key: Any, value: Any, library: Library) -> None:
        """Something was found."""


class LoaderKeys:
    """Keys that loaders are asked for, and what they give for them."""

    __slots__ = ()

    def loaded(self, loader: Any, function: Any, key: Any, future: Any) -> None:
        """The loader has given ``future`` for ``key``, which ``function`` fills."""


class ComputingCall:
    """One call that computes what a cache will keep."""

    __slots__ = ()

    def ended(self, value: Any) -> None:
        """It has made this."""

    def failed(self) -> None:
        """It has made nothing."""


class ComputingCalls:
    """Such calls, of which several may run at once."""

    __slots__ = ()

    def begin(
        self, function: FunctionType, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> ComputingCall | None:
        """A call whose result is not cached; None where its arguments may have a meaning of their own."""
        raise NotImplementedError
