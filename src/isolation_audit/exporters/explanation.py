"""What a finding that judges by inputs rests on, in words: the same for `explain` and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_WOULD: Final = {
    "memory": (
        "an input of this unit of work that names {content}: its request, rows that it reads, an answer or a reply "
        "that it is given, an item of a queue, a file; or an entry of a cache that the unit's own user, or nobody, "
        "has stored"
    ),
    "before": "the same; or more names than the reader's and that of whoever the same view has answered before",
    "framed": "the same; the page names its reader in its frame, which explains nothing of the rest",
    "laundered": (
        "an id of {content} in the request, or in what was read before: the query was asked with one that came in "
        "nowhere"
    ),
    "misdirected": "a queue for each user, or a worker for all that is nobody's; here all wait at one queue",
    "handed": "an item or a job that says for whom it is: what background work reads belongs to nobody's unit",
    "incomplete": "the inputs that were not seen; the driver that is named has no integration, or there was too much",
    "written": "nothing but the code: the name stands in data of its modules, and they hold it elsewhere as well",
    "listed": "nothing more: the name stands in data or templates of the code; it is a note",
    "queried": "it is explained, by what the unit has read; whether its user may see that, the application checks",
    "public": "it is explained: it was loaded for all",
}
"""By verdict, what would have explained an exit, or does."""


def explanation_lines(finding: dict[str, Any]) -> list[str]:
    """What was looked at, what would have explained the exit, and where the data came in; empty where none is asked."""
    return list(_lines(finding, finding["explanation"])) if finding.get("explanation") is not None else []


def _lines(finding: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    inputs = [f"{kind} ({count})" if count > 1 else kind for kind, count in told["inputs"].items()]
    yield f"looked at: {', '.join(inputs) or 'nothing had come in'}"
    content = finding["witnesses"]["content"] or "the other user"
    if told["verdict"] in _WOULD:
        yield f"what explains such an exit: {_WOULD[told['verdict']].format(content=content)}"
    seen = told.get("last_seen")
    if seen is None:
        yield f"no unit of work of {content} has ended in this process before"
        return
    where = " ".join(part for part in (seen["method"], seen["route"]) if part) or "a unit without a route"
    with_what = ", ".join(seen["inputs"]) or "nothing that was seen"
    yield f"data of {content} was last seen coming in {seen['before']} s before, in the work of {seen['user']}:"
    yield f"  {where}, with {with_what}"
