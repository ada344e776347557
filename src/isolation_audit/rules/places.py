"""Places: where a finding points, made of the stack and of the view that answers the running request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.analysis.frames import FRAMEWORKS, ShownPlace, installed_place, is_installed, own_place, package_of
from isolation_audit.instrument.stacks import frame_of
from isolation_audit.model.findings import Frame, Site

if TYPE_CHECKING:
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.work.routes import Endpoint


def located(raw: RawStack, endpoint: Endpoint | None, *, answer: bool, limit: int) -> Site | None:
    """The application's own place, with at most ``limit`` frames; None for an empty stack without an endpoint.

    It is the innermost frame of the application's on the stack. For the ``answer`` of a request it is the view that has
    made it, unless that is still running. An application that is an installed package is looked for after that.
    """
    view = None if endpoint is None else endpoint.frame()
    own = own_place(raw)
    package = None if view is None else package_of(view.file)
    if answer and endpoint is not None and view is not None and package not in FRAMEWORKS and _is_over(endpoint, raw):
        return _before(view, raw if own is None else own.stack, raw, limit)
    if own is not None:
        return _site(own, limit)
    if view is not None and not is_installed(view.file):
        return _before(view, raw, raw, limit)
    installed = installed_place(raw, None if package in FRAMEWORKS else package)
    if installed is None and answer and view is not None:
        return _before(view, raw, raw, limit)  # a framework's own view: there is no code of the application's
    return _site(installed or ShownPlace(raw), limit) if raw else None


def _is_over(endpoint: Endpoint, raw: RawStack) -> bool:
    code = endpoint.code()
    return all(running is not code for running, _lasti in raw)


def _site(place: ShownPlace, limit: int) -> Site:
    frames = tuple([frame_of(*step) for step in place.stack[:limit]])
    return Site(frames, None if place.through is None else frame_of(*place.through))


def _before(view: Frame, stack: RawStack, raw: RawStack, limit: int) -> Site:
    """The view, and below it where its answer was seen."""
    through = next((frame_of(*step) for step in raw if is_installed(step[0].co_filename)), None)
    return Site((view, *(frame_of(*step) for step in stack[: limit - 1])), through)
