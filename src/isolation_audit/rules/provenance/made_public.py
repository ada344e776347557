"""What is said to all: requests that say so themselves, and those that only the application's staff may make.

A post that comes with ``"public": true`` is meant for everybody, and so is a banner that nobody but an administrator
may set: neither is a secret of whoever has written it.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.request_texts import ADDRESSED, addressed
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.provenance.code import constants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.openings import Opening

_FLAGS: Final = frozenset({"public", "is_public", "ispublic", "published", "shared", "is_shared", "isshared"})
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_AUDIENCES: Final = frozenset({"access", "audience", "privacy", "scope", "share_with", "visibility", "visible_to"})
_ALL: Final = frozenset({"all", "anybody", "anyone", "everybody", "everyone", "public", "world"})

_SAYING: Final = frozenset(spelled for name in (*_FLAGS, *_AUDIENCES) for spelled in (name, name.replace("_", "-")))
"""Names beside which it may stand whether something is for all, as :func:`_says_so` reads them."""

_ANNOTATED: Final = type(Annotated[int, ""])

_ADDRESSEES: Final = frozenset({"for", "for_user", "receiver", "receivers", "recipient", "recipients", "to", "to_user"})

_CODES: Final = 1_000
"""Views of which it is remembered with what texts they are written."""

_NAME: Final = 40
"""Characters of the longest name or text of a view's code that is taken for that of a role."""

_of_staff: Final = pattern(r"(?i)(?<![a-z])(?:administrator|admin|moderator|staff|super_?user)s?(?![a-z])")


class MadePublic:
    """One audit's."""

    def __init__(self) -> None:
        self._written: dict[CodeType, tuple[frozenset[str], bool]] = {}
        self._open: dict[CodeType, None] = {}
        """Views that take what others may read."""

    def asked(
        self, pairs: Iterable[tuple[str, Any]], user: User, inputs: Inputs, opening: Opening
    ) -> tuple[bool, CodeType | None]:
        """Whether a request is for all, by the names and values that it has brought in; and the view.

        The view is told where the request is for nobody alone.
        """
        names = [name.lower() for name, _value in pairs]
        if not _SAYING.isdisjoint(names) and any(says_public(name, value) for name, value in pairs):
            return True, None
        if not _ADDRESSEES.isdisjoint(names):
            return False, None
        endpoint, code = opening.endpoint, opening.code()
        if endpoint is None or code is None:
            return False, None
        return code in self._open or self._only_staff_may(endpoint, code, user, inputs), code

    def opens(self, views: Iterable[CodeType | None]) -> bool:
        """These views take what others may read; True where one is new."""
        new = [view for view in views if view is not None and view not in self._open]
        self._open.update(dict.fromkeys(new))
        drop_oldest(self._open, _CODES)
        return bool(new)

    def _only_staff_may(self, endpoint: Endpoint, code: CodeType, user: User, inputs: Inputs) -> bool:
        """True where the view is written with this user's name; or with a role, and it is about no single thing.

        What has a parameter in its path may be edited by its owner or by an administrator: that is for nobody else.
        """
        known = self._written.get(code)
        if known is None:
            known = self._written[code] = _texts_of(code, endpoint.view)
            drop_oldest(self._written, _CODES)
        texts, of_staff = known
        if user.id in texts:
            return True
        return (of_staff or _of_staff.search(endpoint.route or "") is not None) and not any(
            addressed(one) for one in inputs.of_kinds(ADDRESSED)
        )


def _texts_of(code: CodeType, view: Any) -> tuple[frozenset[str], bool]:
    """The texts that a view is written with, and whether they, or what it depends on, have the name of a role."""
    texts = frozenset(constants(code))
    names = (*code.co_names, *texts, *_dependencies(view))
    return texts, any(len(name) <= _NAME and _of_staff.search(name) is not None for name in names)


def _dependencies(view: Any) -> Iterator[str]:
    """The names of what FastAPI calls before a view: ``Depends(require_admin)``, as a default or in ``Annotated``."""
    if type(view) is not FunctionType:
        return
    declared: list[Any] = [*(view.__defaults__ or ()), *(view.__kwdefaults__ or {}).values()]
    for one in view.__annotations__.values():
        if type(one) is _ANNOTATED:
            declared += get_args(one)
    for one in declared:
        function = fields(one).get("dependency")
        if type(function) is FunctionType:
            yield function.__name__


def is_for_staff(code: CodeType) -> bool:
    """True where a view's code has the name of a role in it."""
    return _texts_of(code, None)[1]


def says_public(name: str, value: Any) -> bool:
    """True for a field that says that all may read what it stands beside."""
    name = name.lower().replace("-", "_")
    if name in _FLAGS:
        return value is True or (type(value) is str and value.lower() in _TRUE)
    return name in _AUDIENCES and type(value) is str and value.lower() in _ALL
