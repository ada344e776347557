"""The tables that say who is there: the user at work, what counts as a user, and how ids are bound to users."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from isolation_audit.config import kinds
from isolation_audit.config.extraction import BINDING, VALUE_PATH
from isolation_audit.config.kinds import BOOLEAN, TEXT
from isolation_audit.config.options import V02, Entries, Many, One, Pairs, needed, only_with, option, table
from isolation_audit.config.targets import TARGET
from isolation_audit.model.user_sources import SOURCES, USER_CLAIMS, USER_HEADERS

if TYPE_CHECKING:
    from isolation_audit.config.paths import Path
    from isolation_audit.config.values import Target
    from isolation_audit.model.user_sources import Source

_CLAIM = replace(kinds.FIELD, noun="a claim's name", example='"sub"')
_LONG = replace(kinds.DURATION, example='"1h"')


@table
class Holder:
    """``[[ambient.holders]]``: an object that holds the user at work, as a ``threading.local``; the steps to the id."""

    target: Target = needed(
        One(replace(TARGET, example='"app.auth:local"')), meaning="the object that holds the user at work", since=V02
    )
    user_id: Path | None = option(
        One(VALUE_PATH),
        default=None,
        meaning="leads from the object to the id",
        shown="the value itself",
        since=V02,
    )


@table
class Ambient:
    """``[ambient]``: the application's own ContextVar, and the steps from its value to the user id."""

    contextvar: Target | None = option(
        One(replace(TARGET, example='"app.auth:current_user"')),
        default=None,
        meaning="the application's `ContextVar`; without it, users come from `isolation_audit.user_scope()`",
    )
    user_id: Path | None = option(
        One(VALUE_PATH),
        default=None,
        meaning="from the variable's value to the user id; needs `contextvar`",
        shown="the value itself",
        check=only_with(
            "contextvar",
            "user_id",
            "starts at the value of a ContextVar, and none is named",
            "add contextvar = ...",
        ),
    )
    holders: tuple[Holder, ...] = option(
        Entries(Holder), default=(), meaning="objects that hold the user at work: see below", since=V02
    )
    """Asked in their order, where neither the variable nor a scope names anybody."""


@table
class Identity:
    """``[identity]``: what counts as a user, a context, a placeholder, a system principal; which ids to learn.

    ``detect`` lists what may tell the user of a request where the application itself says nothing; None: all of it.
    """

    context_types: tuple[Target, ...] = option(Many(TARGET), default=(), meaning="the accepted types of user context")
    placeholders: tuple[str, ...] = option(
        Many(kinds.PRINCIPAL_GLOB), default=(), meaning="user ids that stand for nobody in particular"
    )
    system: tuple[str, ...] = option(
        Many(kinds.PRINCIPAL_GLOB), default=(), meaning="principals that may touch everyone's things"
    )
    bind: tuple[tuple[str, Path], ...] = option(
        Pairs(BINDING, VALUE_PATH), default=(), meaning="ids to learn from every context seen, for use as `name:path`"
    )
    id_types: tuple[Literal["str", "int", "uuid"], ...] = option(
        Many(kinds.choice("a type of id", "str", "int", "uuid")),
        default=("str",),
        meaning="types of values that may be a user id",
    )
    detect: tuple[Source, ...] | None = option(
        Many(kinds.choice("a source of users", *SOURCES)),
        default=None,
        meaning="what may tell [the user of a request](users.md); `[]` for nothing",
        since=V02,
        shown="all",
    )
    headers: tuple[str, ...] = option(
        Many(kinds.HEADER),
        default=USER_HEADERS,
        meaning="headers that name the user, the best first",
        since=V02,
        shown="[a list](users.md#headers)",
    )
    claims: tuple[str, ...] = option(
        Many(_CLAIM),
        default=USER_CLAIMS,
        meaning="what tokens call their user, the best first",
        since=V02,
        shown="[a list](users.md#sources)",
    )


@table
class Bindings:
    """``[bindings]``: how long ids are remembered, and the store through which several processes share them.

    ``age`` and ``timeout`` in seconds. Without a ``store`` (a Redis URL) each process knows what it has seen itself.
    """

    store: str | None = option(
        One(kinds.STORE),
        default=None,
        meaning=(
            "the Redis through which processes share; without it each process knows what it has seen "
            "itself. The URL may hold user and password, which appear nowhere"
        ),
        since=V02,
        repr=False,
    )
    prefix: str = option(One(TEXT), default="isolation-audit", meaning="begins the name of the key in Redis", since=V02)
    age: float = option(
        One(_LONG),
        default=3600.0,
        meaning="how long an id is remembered after it was last seen, here and in Redis",
        since=V02,
    )
    timeout: float = option(
        One(kinds.DURATION), default=1.0, meaning="for a connection, a request, and the last one at exit", since=V02
    )


@table
class CurrentUser:
    """``[[users]]``: a function whose result is the user of the request that is being served.

    ``user_id`` leads from the result to the id; None: the result is the id, or an object or a mapping that has it.
    """

    target: Target = needed(
        One(replace(TARGET, example='"app.deps:get_current_user"')),
        meaning=(
            "the function or method, synchronous or not. Of a generator, what it yields counts where FastAPI injects it"
        ),
        since=V02,
    )
    user_id: Path | None = option(
        One(VALUE_PATH),
        default=None,
        meaning=(
            "from the result to the id. Without it the result is the id, or an object or a mapping with "
            "one of the fields that [logins](users.md#sources) have"
        ),
        since=V02,
    )
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`", since=V02)
