"""Applications in files of their own, imported while an auditor runs."""

from __future__ import annotations

import importlib
import itertools
import sys
import tomllib
from typing import TYPE_CHECKING, Any

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from isolation_audit.model.findings import Finding

_numbers = itertools.count()


class Audited:
    """A package of its own under an auditor; PACKAGE in texts stands for its name."""

    def __init__(self, folder: Any) -> None:
        self.name = f"audited_package_{next(_numbers)}"
        self._folder = folder / self.name
        self._folder.mkdir()
        (self._folder / "__init__.py").touch()
        self.auditor: Any = None

    def write(self, **modules: str) -> None:
        for name, source in modules.items():
            (self._folder / f"{name}.py").write_text(source.replace("PACKAGE", self.name), encoding="utf-8")
        importlib.invalidate_caches()

    def start(self, config: str = "[watch]\nfactories = true\n") -> None:
        self.auditor = Auditor(parse_config(tomllib.loads(config.replace("PACKAGE", self.name)))).start()

    def load(self, name: str) -> Any:
        return importlib.import_module(f"{self.name}.{name}")

    def found(self, *codes: str) -> list[Finding]:
        self.auditor.settle(0.0)
        findings = [entry.finding for entry in self.auditor.recorder.entries()]
        return [finding for finding in findings if not codes or finding.rule in codes]

    def forget(self) -> None:
        if self.auditor is not None:
            self.auditor.stop()
        for name in [one for one in sys.modules if one == self.name or one.startswith(f"{self.name}.")]:
            del sys.modules[name]
