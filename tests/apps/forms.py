"""HTML forms as a browser fills them in: what the page has set already, and what the user types over it."""

from __future__ import annotations

from html.parser import HTMLParser


class Form:
    """One form of a page: where it goes, and the values with which it comes."""

    def __init__(self, action: str, method: str) -> None:
        self.action = action
        self.method = method
        self.values: dict[str, str | list[str]] = {}

    def filled(self, fields: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        """The values to send."""
        return {**self.values, **fields}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._open = Form(named.get("action", ""), named.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None:
            self._field(tag, named, {key for key, _ in attrs})

    def _field(self, tag: str, named: dict[str, str], present: set[str]) -> None:
        assert self._open is not None
        name = named.get("name", "")
        if tag == "input" and name and "disabled" not in present:
            kind = named.get("type", "text")
            if kind in ("submit", "button", "image", "file", "reset"):
                return
            if kind in ("checkbox", "radio"):
                if "checked" in present:
                    self._open.values[name] = named.get("value", "on")
                return
            self._open.values.setdefault(name, named.get("value", ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in present or self._select not in self._open.values:
                self._open.values[self._select] = named.get("value", "")
        elif tag == "textarea":
            self._area = name
            self._open.values.setdefault(name, "")

    def handle_data(self, data: str) -> None:
        if self._area and self._open is not None:
            self._open.values[self._area] = str(self._open.values.get(self._area, "")) + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


def form_with(page: str, name: str) -> Form:
    """The form of the page that has a field of this name.

    Raises:
        LookupError: there is none.
    """
    parser = _Forms()
    parser.feed(page)
    for form in parser.forms:
        if name in form.values and form.method == "post":
            return form
    raise LookupError(f"no form with a field {name!r} among {[sorted(form.values) for form in parser.forms]}")
