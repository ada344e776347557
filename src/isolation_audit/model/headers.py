"""Headers that name the user of a request: what gateways and simple applications send, and what they mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.kept_users import OTHERS
from isolation_audit.model.user_names import Name, name_in_authorization, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


AUTHORIZATION: Final = "authorization"

_names_a_user: Final = pattern(
    r"(?:x-)?((?:[a-z0-9]+-){0,4}?)"
    r"(?:(user-?(?:id|uuid)|claim-sub)|(user(?:name|-?login)?)|(user-?e?mail|claim-email)|user-name)"
)


def says_user(header: str) -> int | None:
    """How well a header that nobody has listed names the user who asks, by its own name: 0 is best, None not at all.

    ``user_id``, ``x-webui-user-email``, ``x-forwarded-preferred-username``; none that may have somebody else in it,
    such as ``x-target-user``. An id goes before a login, an address and what may be anybody's name.
    """
    found = _names_a_user.fullmatch(header.replace("_", "-"))
    if found is None or not OTHERS.isdisjoint(found[1].split("-")):
        return None
    return next((place for place in range(3) if found[place + 2]), 3)


_TENANTS: Final = ("tenant", "organization", "organisation", "org", "workspace", "customer", "company")
_names_a_tenant: Final = pattern(rf"(?:x-)?({'|'.join(_TENANTS)})(?:-?(?:id|key|slug|name|uuid|code))?")


def says_tenant(header: str) -> int | None:
    """Which kind of tenant a header names, the most usual first; None for one that names none."""
    found = _names_a_tenant.fullmatch(header.replace("_", "-"))
    return None if found is None else _TENANTS.index(found[1])


def name_in_headers(
    headers: Iterable[tuple[str, str]], ranks: Mapping[str, int], claims: tuple[str, ...]
) -> tuple[int, Name] | None:
    """The user by the best header that has a rank, and that rank; a header that comes twice names nobody.

    ``claims`` are those by which a signed token in ``Authorization`` may name its user.
    """
    found: dict[int, Name | None] = {}
    for header, value in headers:
        rank = ranks.get(header)
        if rank is not None:
            plain = plain_id(value)
            named = None if plain is None else Name(plain)
            name = name_in_authorization(value, claims) if header == AUTHORIZATION else named
            found[rank] = name if rank not in found else None
    if len(found) < 2:
        for rank, name in found.items():
            return None if name is None else (rank, name)
        return None
    best = min([rank for rank, name in found.items() if name is not None], default=None)
    chosen = None if best is None else found[best]
    if best is None or chosen is None:
        return None
    return best, Name(chosen.id, (*chosen.aliases, *_addresses(found, best)), chosen.ids)


def name_in_token(headers: Iterable[tuple[str, str]], claim: str) -> Name | None:
    """Whom the signed token in ``Authorization`` calls by this claim."""
    for header, value in headers:
        if header == AUTHORIZATION and value[:7].lower() == "bearer ":
            return name_in_authorization(value, (claim,))
    return None


def _addresses(found: Mapping[int, Name | None], best: int) -> Iterator[str]:
    """Addresses in other headers than the best: a gateway sends a name and the address of the same person."""
    for rank, name in found.items():
        if rank != best and name is not None and "@" in name.id.strip("@"):
            yield name.id
