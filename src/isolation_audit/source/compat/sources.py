"""Classes and functions as their source declares them: griffe parses the files that are needed, and nothing runs."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING, Final

import griffe

from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from isolation_audit.config.model import Target

_LONGEST_CHAIN: Final = 32
"""Names that lead to names (re-exports); more than this is a circle."""


class Sources:
    """Modules below some folders, parsed when they are first asked for."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._modules = griffe.ModulesCollection()
        self._lines = griffe.LinesCollection()
        self._extensions = griffe.load_extensions()
        self._unread: dict[str, list[str]] = {}
        # What it has to say of odd annotations is nobody's business here.
        logging.getLogger("griffe").setLevel(logging.CRITICAL)

    def find(self, target: Target) -> griffe.Class | griffe.Function:
        """The class or function of a target.

        Raises:
            UsageError: there is no such module, it can't be parsed, or it has no such name.
        """
        module = self._module(target.module)
        if module is None:
            looked = ", ".join(map(str, self._folders))
            raise UsageError(f"{target}: no module {target.module!r} below {looked}; name its folder with --path")
        found: griffe.Object = module
        for name in target.qualname.split("."):
            member = found.members.get(name) or self._inherited(found).get(name)
            if member is None:
                near = difflib.get_close_matches(name, list(found.members), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"{target}: {found.path} has no {name!r}{hint}")
            resolved = self._resolved(member)
            if resolved is None:
                raise UsageError(f"{target}: {name!r} comes from outside of the folders that are read")
            found = resolved
        if isinstance(found, (griffe.Class, griffe.Function)):
            if isinstance(found, griffe.Class):
                self.bases(found)
            return found
        raise UsageError(f"{target} is neither a class nor a function")

    def bases(self, cls: griffe.Class) -> list[str]:
        """Read the modules of a class's bases; the bases, of any height, that could not be read are given back."""
        if cls.path in self._unread:
            return self._unread[cls.path]
        missing = self._unread[cls.path] = []
        for base in cls.bases:
            path = base if isinstance(base, str) else base.canonical_path
            found = self._by_path(path)
            if isinstance(found, griffe.Class):
                missing += self.bases(found)
            elif path not in ("object", "builtins.object"):
                missing.append(path)
        # Only now are the fields of its bases known, which a dataclass's constructor takes as well.
        self._extensions.call("on_package", pkg=cls.module)
        missing[:] = dict.fromkeys(missing)
        return missing

    def _inherited(self, found: griffe.Object) -> dict[str, griffe.Object | griffe.Alias]:
        if not isinstance(found, griffe.Class):
            return {}
        self.bases(found)
        return dict(found.inherited_members)

    def _resolved(self, member: griffe.Object | griffe.Alias) -> griffe.Object | None:
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(member, griffe.Alias):
                return member
            found = self._by_path(member.target_path)
            if found is None:
                return None
            member = found
        return None

    def _by_path(self, path: str) -> griffe.Object | None:
        parts = path.split(".")
        for length in range(len(parts) - 1, 0, -1):
            module = self._module(".".join(parts[:length]))
            if module is None:
                continue
            found: griffe.Object | None = module
            for name in parts[length:]:
                member = None if found is None else found.members.get(name)
                found = None if member is None else self._resolved(member)
            return found
        return None

    def _module(self, dotted: str) -> griffe.Module | None:
        parts = dotted.split(".")
        parent: griffe.Module | None = None
        for length, name in enumerate(parts, 1):
            known = parent.members.get(name) if parent is not None else self._modules.members.get(name)
            if isinstance(known, griffe.Module):
                parent = known
                continue
            file = next(_files(self._folders, parts[:length]), None)
            if file is None:
                return None
            made = self._parsed(name, file, parent)
            if parent is None:
                self._modules.set_member(name, made)
            else:
                parent.set_member(name, made)
            parent = made
        return parent

    def _parsed(self, name: str, file: Path, parent: griffe.Module | None) -> griffe.Module:
        if file.is_dir():  # a namespace package
            return griffe.Module(name, filepath=[file], parent=parent, modules_collection=self._modules)
        try:
            return griffe.visit(
                name,
                filepath=file,
                code=file.read_text(encoding="utf-8-sig"),
                extensions=self._extensions,
                parent=parent,
                lines_collection=self._lines,
                modules_collection=self._modules,
            )
        except OSError as error:
            raise UsageError(f"can't read {file}: {error.strerror}") from None
        except SyntaxError as error:
            raise UsageError(f"{file}:{error.lineno}: can't be parsed: {error.msg}") from None
        except ValueError:
            raise UsageError(f"{file} can't be parsed: it is not UTF-8 text, or has null bytes") from None


def _files(folders: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """Where a module may stand: package, file, and, if nothing else, a folder of a namespace package."""
    for candidates in (("__init__.py", ".py"), ("",)):
        for folder in folders:
            place = folder.joinpath(*parts)
            for ending in candidates:
                file = place / ending if ending == "__init__.py" else place.with_name(place.name + ending)
                if file.is_file() or (not ending and file.is_dir()):
                    yield file
