"""The wrapper of callables and descriptors that are no plain functions: wrapt's, which looks like what it wraps."""

from __future__ import annotations

import copy
import sys
from types import BuiltinFunctionType
from typing import Any, cast

import wrapt


# Not subscripted: wrapt 1.x has no generic FunctionWrapper.
class CallableProxy(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """A wrapt wrapper that copies and pickles as what it wraps, and so leaves no trace of ours in either."""

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce__(self) -> Any:
        return (cast, (None, self.__wrapped__))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raw = self.__wrapped__
        if isinstance(raw, BuiltinFunctionType):
            home = sys.modules.get(raw.__module__)
            if getattr(home, raw.__name__, None) is self:
                return raw.__name__  # pickled by its name, as the function itself is
        # typing.cast gives its second argument back: the unpickling side needs nothing of ours.
        return (cast, (None, self.__wrapped__))
