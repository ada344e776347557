"""The forms of references, and which rule and words belong to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.source.scan.deprecated import Hit
    from isolation_audit.source.scan.facts import Use

STRINGS = {"string", "patch", "import_module", "__import__"}
"""Forms that name a thing by text."""

BUILT = {"call", "subclass", "partial", "alternative constructor", "factory call"}
"""Forms that build a thing, or a kind of it."""

_BUILDERS = {"method": "alternative constructor", "factory": "factory call"}

_WORDS = {
    "call": "constructor call",
    "partial": "constructor in a partial",
    "patch": "patched by its name",
    "string": "named in a string",
    "settings file": "named in a settings file",
    "import_module": "imported by name",
    "__import__": "imported by name",
    "isinstance": "checked for by isinstance",
    "issubclass": "checked for by issubclass",
    "except": "caught",
    "alias": "given another name",
    "__all__": "exported",
    "value": "used as a value",
    "default": "used as a default",
    "getattr": "taken by getattr",
    "member": "used by an attribute",
}


def classified(use: Use, hit: Hit) -> tuple[str, str]:
    """The rule and the form of a use: a call means something else for a class, its method and its factory."""
    if use.form in STRINGS and use.form != "patch":
        return "IA802", use.form
    if hit.kind in _BUILDERS and use.form in ("call", "partial"):
        return "IA803", _BUILDERS[hit.kind]
    if hit.kind == "target" and use.form in BUILT:
        return "IA803", use.form
    if use.form == "patch":
        return ("IA802" if use.path.startswith('"') else "IA808"), "patch"
    return "IA808", "member" if hit.kind == "member" and use.form in ("call", "value", "alias") else use.form


def worded(form: str) -> str:
    """A form in the words of a message."""
    return _WORDS.get(form, form)
