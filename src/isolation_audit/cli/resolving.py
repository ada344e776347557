"""A process of its own for ``check``: imports the modules of all targets, instruments them, writes down the outcome."""

from __future__ import annotations

import difflib
import functools
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any, NoReturn

from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.path_checks.current_users import current_users
from isolation_audit.path_checks.entries import PathChecks


def main(config_path: str, answer_path: str, shown: str = "") -> NoReturn:
    """Write what :func:`check.resolve_targets` gives as JSON, and end, whatever threads there are by now.

    With ``shown``, rows of that target, or of the class that has that method, have the ``code`` of its hooks as well.
    """
    config = load_config(Path(config_path))
    # As for `python -m`: the working folder first, then the folder of the configuration.
    sys.path[:0] = [str(Path.cwd()), str(Path(config_path).parent)]
    failures: dict[str, str] = {}
    with Auditor(config) as auditor:
        for watched in auditor.instrumentation.targets:
            name = watched.target.module
            if name not in failures and name not in sys.modules:
                try:
                    importlib.import_module(name)
                except BaseException as error:  # a module may well call sys.exit() when it is imported
                    failures[name] = _explain(name, error, suggest=len(failures) < MOST_SUGGESTIONS)
        auditor.instrumentation.refresh()
        problems = {
            entry.finding.target: entry.finding.message
            for entry in auditor.recorder.entries()
            if entry.finding.rule == "IA901"
        }
        rows: list[dict[str, Any]] = []
        for watched in auditor.instrumentation.targets:
            target = str(watched.target)
            state, detail = watched.state.value, watched.detail
            if watched.target.module in failures:
                state, detail = ("absent" if watched.optional else "missing"), failures[watched.target.module]
            elif state == "applied" and target in problems:
                state, detail = "incomplete", problems[target].removeprefix(f"{target}: ")
            rows.append({"target": target, "role": watched.role, "state": state, "detail": detail, "remarks": []})
            if shown and f"{shown}.".startswith(f"{target}."):
                code = auditor.instrumentation.places.code_of(id(watched))
                rows[-1]["code"] = {name: text for name, text in code.items() if shown in (target, name)}
    # Of the code as the application has written it: by now nothing of the auditor's is in it any more.
    remarks = PathChecks(config).remarks()
    for row in rows:
        if row["state"] not in ("missing", "absent", "waiting"):
            said = remarks.get((row["target"], row["role"]), ())
            row["remarks"] = [{"level": remark.level, "text": remark.text} for remark in said]
    answer = {"targets": rows, "current_users": current_users(frozenset(str(entry.target) for entry in config.users))}
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")
    os._exit(0)


MOST_SUGGESTIONS = 100
"""Missing modules that get a "did you mean": a configuration of thousands of them has another fault than spelling."""


def _explain(name: str, error: BaseException, *, suggest: bool = True) -> str:
    if (
        not isinstance(error, ModuleNotFoundError)
        or error.name is None
        or not (name + ".").startswith(error.name + ".")
    ):
        return f"importing {name} raised {type(error).__name__}: {error}"
    parent, _, missing = error.name.rpartition(".")
    close = difflib.get_close_matches(missing, _names_in(parent), n=1) if suggest else []
    meant = f"; did you mean {'.'.join(filter(None, (parent, close[0])))!r}?" if close else ""
    where = "" if parent else " (looked in the working folder, the configuration's folder and the environment)"
    return f"there is no module {error.name!r}{meant}{where}"


@functools.cache
def _names_in(parent: str) -> list[str]:
    """All modules of a package, or of the search path: listing folders is too slow to do it for each missing one."""
    search = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    return [info.name for info in pkgutil.iter_modules(search)]


if __name__ == "__main__":
    main(*sys.argv[1:])
