"""The applications of ``apps.toml``, and where the programs that serve, drive and plant into them are."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"


@dataclass(frozen=True)
class Plant:
    """A leak that ``planted.py`` brings in: the function of it whose line a finding must name, and who meets there."""

    function: str
    users: tuple[str, ...]


@dataclass(frozen=True)
class App:
    """One application: what to install, and how to start, drive and judge it."""

    name: str
    folder: Path
    requires: tuple[str, ...]
    without_dependencies: tuple[str, ...] = ()
    rounds: int = 4
    varies: tuple[str, ...] = ()
    """Regular expressions of what differs between two runs of the bare application, too."""
    config: str = ""
    packages: tuple[str, ...] = ()
    """The application's own: what depth ``state`` watches beside the programs here."""
    plants: tuple[Plant, ...] = ()
    from_source: bool = False
    """Nothing is loaded from ``.pyc`` files, nor from the auditor's own. A set of texts that comes out of such a file
    may have another order than the same set out of the source; and so may an answer with the items of a set."""

    def watching_state(self) -> App:
        """The same at depth ``state``, in its own packages."""
        depth = f'[audit]\ndepth = "state"\n[state]\npackages = {json.dumps(self.packages)}\n'
        return replace(self, config=self.config + depth, from_source=True)

    def driver(self) -> ModuleType:
        """The module ``drive.py`` of the application.

        Raises:
            FileNotFoundError: there is none.
        """
        spec = importlib.util.spec_from_file_location(f"drive_{self.name}", self.folder / "drive.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def read_apps(path: Path = HERE / "apps.toml", programs: Path = PROGRAMS) -> list[App]:
    """The applications of the table."""
    return [_app(name, table, programs) for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items()]


def _app(name: str, table: dict[str, object], programs: Path) -> App:
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    plants = tuple(Plant(one["function"], tuple(one["users"])) for one in options.pop("plants", ()))
    return App(name=name, folder=programs / name, plants=plants, **options)
