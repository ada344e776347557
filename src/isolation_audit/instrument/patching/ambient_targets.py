"""The targets of ``[ambient]``: the application's own variable, and the objects that hold the user at work."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.patching.targets import Watched
from isolation_audit.instrument.reading.layout import value_reader
from isolation_audit.instrument.resolve import UnresolvedError, dict_of, resolve
from isolation_audit.model.roles import AMBIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.config import model
    from isolation_audit.config.model import Target
    from isolation_audit.model.ambient import Ambient

_MEANWHILE: Final = "until that is mended, users are found as without [ambient]: by login, session, token or header"


def ambient_targets(config: model.Ambient, ambient: Ambient) -> Iterator[Watched]:
    """The targets, with what is to be done once their modules are there."""
    for holder in config.holders:
        yield Watched(holder.target, AMBIENT, partial(_hold, holder, ambient))
    if config.contextvar is not None:
        user_of = None if config.user_id is None else value_reader(config.user_id)
        yield Watched(config.contextvar, AMBIENT, partial(_adopt, ambient, user_of))
        if config.contextvar.module == "__main__":
            ambient.expect(partial(_in_main, config.contextvar), user_of)


def _adopt(ambient: Ambient, user_of: Callable[[Any], Any] | None, module: ModuleType, target: Target) -> None:
    try:
        found = resolve(module, target).raw
    except UnresolvedError as error:
        raise UnresolvedError(f"{error}; {_MEANWHILE}") from None
    variable = _variable(found)
    if variable is None:
        raise UnresolvedError(
            f"{target} is a {type(found).__name__}, not a ContextVar (for other objects there is [[ambient.holders]]); "
            f"{_MEANWHILE}"
        )
    ambient.adopt(variable, user_of)


def _hold(entry: model.Holder, ambient: Ambient, module: ModuleType, target: Target) -> None:
    """Have the user read from an object, each time that somebody asks."""
    resolved = resolve(module, target)
    if entry.user_id is not None:
        below, held = value_reader(entry.user_id), resolved.raw
        ambient.hold(lambda: below(held))
    elif isinstance(resolved.owner, ModuleType):
        # A name of a module may be given another value: it is looked up anew.
        ambient.hold(lambda: vars(module).get(target.qualname))
    else:
        held = resolved.raw
        ambient.hold(lambda: held)


def _in_main(target: Target) -> ContextVar[Any] | None:
    """The variable in the script that runs, once the script has made it."""
    found: Any = sys.modules.get("__main__")
    for name in target.qualname.split("."):
        if not issubclass(type(found), (type, ModuleType)):
            return None
        found = dict_of(found).get(name)
    return _variable(found)


def _variable(found: Any) -> ContextVar[Any] | None:
    """A ContextVar itself, or the one behind an attribute of a registry."""
    variable = found if type(found) is ContextVar else getattr(found, "context_var", None)
    return variable if type(variable) is ContextVar else None
