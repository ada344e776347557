"""One small application from source text under one configuration, with everything that was observed."""

from __future__ import annotations

import itertools
import sys
import tomllib
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


def make_module(source: str, name: str | None = None) -> ModuleType:
    """A module that exists in memory only."""
    module = ModuleType(name or f"audited_source_{next(_numbers)}")
    sys.modules[module.__name__] = module
    exec(compile(source, f"{module.__name__}.py", "exec"), vars(module))
    return module


def make_auditor(config: str, module: ModuleType | None = None) -> Auditor:
    """An auditor that has not started; ``APP`` in the configuration stands for the module."""
    text = config if module is None else config.replace("APP", module.__name__)
    return Auditor(parse_config(tomllib.loads(text)))


@contextmanager
def auditing(source: str, config: str) -> Iterator[tuple[ModuleType, Auditor]]:
    """The application and its running auditor."""
    module = make_module(source)
    auditor = make_auditor(config, module)
    with auditor:
        yield module, auditor
    del sys.modules[module.__name__]


def observed(auditor: Auditor) -> list[Any]:
    """Everything that is published from now on; of constructions like one before, the monitors are told otherwise."""
    seen: list[Any] = []
    publish, ask = auditor.runtime.publish, auditor.runtime.ask

    def note(observation: Any) -> None:
        seen.append(observation)
        publish(observation)

    def asked(built: Any) -> Any:
        seen.append(built)
        return ask(built)

    auditor.runtime.publish, auditor.runtime.ask = note, asked
    return seen


def counts(auditor: Auditor) -> dict[str, int]:
    """Findings so far, by rule."""
    return {code: count for code, count in auditor.recorder.counts.items() if count}
