"""Whether a file that an option names has changed which folder and which configuration file pytest goes by.

pytest chooses both before it knows the options of plugins: a value that is a word of its own, as in
``--audit-config FILE``, counts as a path of tests then, if it exists. The tests would run with other settings than
without the auditor.
"""

from __future__ import annotations

import os
import shlex
from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OPTIONS = ("--audit-config", "--audit-report")
"""Those with the path of something."""


def check_root(config: pytest.Config) -> None:
    """Refuse to run tests by another root or configuration file than without these options."""
    words = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]
    at = next((at for at, word in enumerate(words[:-1]) if word in _OPTIONS), None)
    if at is None or "PYTEST_XDIST_WORKER" in os.environ:
        return
    given, without = _chosen(config, words), _chosen(config, _without_values(words))
    if given is not None and without is not None and given != without:
        raise pytest.UsageError(
            f"pytest takes the value of {words[at]} for a path of tests, and goes by {_told(given)} instead of "
            f"{_told(without)}: write it with a sign of equality, {words[at]}={words[at + 1]}"
        )


def _without_values(words: Sequence[str]) -> list[str]:
    return [word for at, word in enumerate(words) if at == 0 or words[at - 1] not in _OPTIONS]


def _chosen(config: pytest.Config, words: Sequence[str]) -> tuple[Path, Path | None] | None:
    """What pytest chooses for these words by its own function; ``None`` where this pytest has another one."""
    try:
        from _pytest.config.findpaths import determine_setup

        options = config.known_args_namespace
        known: dict[str, Any] = {
            "inifile": options.inifilename,
            "override_ini": getattr(options, "override_ini", None),
            "args": words,
            "rootdir_cmd_arg": options.rootdir or None,
            "invocation_dir": config.invocation_params.dir,
            "config": config,
        }
        root, file, *_rest = determine_setup(**{name: known[name] for name in signature(determine_setup).parameters})
    except Exception:
        return None
    return root, file


def _told(chosen: tuple[Path, Path | None]) -> str:
    root, file = chosen
    return f"the root {root}" if file is None else str(file)
