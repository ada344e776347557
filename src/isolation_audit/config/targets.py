"""Target syntax: ``pkg.mod:Class.method``, and the many ways to get it slightly wrong."""

from __future__ import annotations

import keyword
import re

from isolation_audit.config.kinds import Kind
from isolation_audit.config.problems import Refused, quoted
from isolation_audit.config.values import Target

EXAMPLE = '"app.engine:Engine"'
_CONSTRUCTION = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__del__")


def parse_target(text: str) -> Target:
    """Parse ``module:qualname``.

    Raises:
        Refused: with what is wrong and, where it can be guessed, the target that was meant.
    """
    module, qualname = _halves(text)
    if not qualname:
        raise Refused(f"{quoted(text)} has no colon between module and name", _colon_hint(text))
    return _checked(text, module, qualname)


def parse_module_or_target(text: str) -> Target:
    """Parse ``module:qualname`` or a whole ``module``.

    ``app.old.Engine`` is refused: a capital after lower-case parts is a class with a dot where the colon should be.

    Raises:
        Refused: as :func:`parse_target`.
    """
    module, qualname = _halves(text)
    if not qualname:
        first, _, last = module.rpartition(".")
        if first.islower() and last[:1].isupper():
            raise Refused(f"{quoted(text)} has no colon between module and class", _colon_hint(text))
    return _checked(text, module, qualname)


def parse_constructor(text: str, owner: Target) -> Target:
    """Parse a constructor of ``owner``: a bare name is one of its methods, ``module:name`` is anything else.

    Raises:
        Refused: as :func:`parse_target`.
    """
    if ":" in text or "/" in text or "\\" in text:
        return parse_target(text)
    if not text.isidentifier():
        raise Refused(f"{quoted(text)} is neither a method's name nor module:name", 'write it like "from_legacy"')
    if not owner.module:  # the owner is wrong itself, and has been reported
        return Target("unknown", text)
    if not owner.qualname:
        raise Refused(f"{text!r} is a method's name, and the module {owner} has none", f"write {f'{owner}:{text}'!r}")
    target = Target(owner.module, f"{owner.qualname}.{text}")
    return _checked(str(target), target.module, target.qualname)


def _halves(text: str) -> tuple[str, str]:
    if any(char.isspace() for char in text):
        raise Refused(f"{quoted(text)} has blanks in it", f"write {quoted(''.join(text.split()))}")
    if "/" in text or "\\" in text or re.search(r"\.pyi?(:|$)", text):
        raise Refused(f"{quoted(text)} is a file, not a module", _file_hint(text))
    if text.count(":") > 1:
        raise Refused(f"{quoted(text)} has {text.count(':')} colons", f"write one, as in {EXAMPLE}")
    module, colon, qualname = text.partition(":")
    if colon and not qualname:
        raise Refused(f"{quoted(text)} has no name after the colon", f"add it, as in {EXAMPLE}")
    if not module:
        raise Refused(f"{quoted(text)} has no module before the colon", f"add it, as in {EXAMPLE}")
    return module, qualname


def _checked(text: str, module: str, qualname: str) -> Target:
    if "(" in text or ")" in text:
        raise Refused(f"{quoted(text)} is a call", f"write only the name, {quoted(re.sub(r'[(].*', '', text))}")
    for part in [*module.split("."), *(qualname.split(".") if qualname else ())]:
        _check_part(text, part)
    if module.rpartition(".")[2] == "__init__":
        package = Target(module.removesuffix("__init__").rstrip("."), qualname)
        raise Refused(f"{quoted(text)} names a package's __init__ file", f"write the package, '{package}'")
    parts = qualname.split(".")
    for position, part in enumerate(parts[1:], start=1):
        above = Target(module, ".".join(parts[:position]))
        if part in _CONSTRUCTION:
            raise Refused(f"{quoted(text)} names a step of construction", f"name the class, '{above}'")
        if part.startswith("__") and part.endswith("__") and part != "__call__":
            raise Refused(f"{quoted(text)} names a special method", f"name the class, '{above}'")
        if part.startswith("__") and not part.endswith("__"):
            mangled = f"{above}._{parts[position - 1].lstrip('_')}{part}"
            raise Refused(
                f"{quoted(text)} names a private method as its class sees it", f"write it mangled, '{mangled}'"
            )
    return Target(module, qualname)


def _check_part(text: str, part: str) -> None:
    if part == "<locals>":
        raise Refused(f"{quoted(text)} is local to a function, out of reach from outside", "move it to module level")
    if not part:
        raise Refused(f"{quoted(text)} has an empty part between its dots", f"write it like {EXAMPLE}")
    if not part.isidentifier() or keyword.iskeyword(part):
        hint = (
            f"did you mean {part.replace('-', '_')!r}?" if part.replace("-", "_").isidentifier() and "-" in part else ""
        )
        raise Refused(f"{quoted(text)}: {quoted(part)} can't be a Python name", hint or f"write it like {EXAMPLE}")


def _file_hint(text: str) -> str:
    file, qualname = re.sub(r"^[A-Za-z]:(?=[\\/])", "", text), ""
    if match := re.fullmatch(r"(.*?):([\w.]*)", file):
        file, qualname = match.groups()
    parts = [part for part in re.split(r"[\\/]", re.sub(r"\.pyi?$", "", file)) if part not in ("", ".", "..", "src")]
    if parts[1:] and parts[-1] == "__init__":
        parts.pop()
    module = ".".join(parts)
    if not module:
        return f"write it like {EXAMPLE}"
    return f"did you mean {str(Target(module, qualname or 'NAME'))!r}?"


def _colon_hint(text: str) -> str:
    parts = text.split(".")
    if len(parts) < 2 or not all(parts):
        return f"write it like {EXAMPLE}"
    start = next((position for position, part in enumerate(parts) if position and part[0].isupper()), len(parts) - 1)
    return f"did you mean '{'.'.join(parts[:start])}:{'.'.join(parts[start:])}'?"


TARGET: Kind[Target] = Kind("a target", EXAMPLE, (str,), parse_target)
MODULE_OR_TARGET: Kind[Target] = Kind("a target or a module", '"app.old:Engine"', (str,), parse_module_or_target)


def constructor_of(owner: Target) -> Kind[Target]:
    """The kind of ``constructors``: names of ``owner``'s methods, and targets."""
    return Kind("a method's name or a target", '"from_legacy"', (str,), lambda text: parse_constructor(text, owner))
