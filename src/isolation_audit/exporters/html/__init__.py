"""A report as one HTML file to look at: no script, no request to anywhere, every text of the report as text."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from isolation_audit.exceptions import MissingExtraError

try:
    from jinja2 import Environment, StrictUndefined
except ImportError as error:
    raise MissingExtraError("the HTML report", "html") from error

if TYPE_CHECKING:
    from jinja2 import Template

    from isolation_audit.exporters.html.page import Page

_POLICY: Final = "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
"""What a browser lets the file do: apply this one sheet of styles. Whatever else got in neither runs nor loads."""


def as_html(page: Page) -> str:
    """The whole document."""
    style = _file("page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(page=page, style=style, policy=_POLICY.format(digest=digest)).lstrip()


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_file("page.html"))


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
