"""IA108: names that stand for something else than they say."""

from __future__ import annotations

import pytest

from isolation_audit.model.rules import Severity

FACTORY = "class EngineFactory:\n    def create(self, context):\n        return context\n"
CONFIG = """\
[[factories]]
target = "PACKAGE.real:EngineFactory.create"
builds = "PACKAGE.real:Engine"
optional = true

[[factories]]
target = "PACKAGE.real:create_engine"
builds = "PACKAGE.real:Engine"
optional = true

[[deprecations]]
target = "PACKAGE.old:OldEngine"
replacement = "PACKAGE.real:Engine"
optional = true
"""
TRYING = "try:\n    from {} import EngineFactory\nexcept ImportError:\n"
OWN = f"    {FACTORY.replace(chr(10), chr(10) + '    ')}\n"

WON = {
    "an own class": (TRYING.format("PACKAGE.missing") + OWN, Severity.WARNING),
    "another module's": (TRYING.format(".missing") + "    from PACKAGE.spare import EngineFactory\n", Severity.WARNING),
    "a mock": (
        TRYING.format(".missing") + "    from unittest.mock import Mock\n\n    EngineFactory = Mock()\n",
        Severity.WARNING,
    ),
    "for a name that is missing": (TRYING.format("PACKAGE.empty") + OWN, Severity.WARNING),
    "for another's library": (TRYING.format("a_library_that_is_not_there") + OWN, Severity.NOTE),
    "a function": (
        (
            "try:\n    from .missing import (\n        other,\n        create_engine,\n    )\n"
            "except (ImportError, AttributeError) as error:\n    failed = error\n\n"
            "    async def create_engine(context):\n        return context\n"
        ),
        Severity.WARNING,
    ),
}


@pytest.mark.parametrize("case", WON)
def test_a_fallback_that_has_won(application, case: str) -> None:
    source, severity = WON[case]
    application.write(real=FACTORY, spare=FACTORY, empty="", compat=source)
    application.start(CONFIG)
    application.load("compat")
    for _ in range(2):
        (finding,) = application.found("IA108")
    assert finding.severity is severity
    assert f"{application.name}.compat:" in finding.message
    assert "the fallback of line" in finding.message
    assert "has failed" in finding.message
    assert not application.auditor.runtime.barrier.counts


LOST = {
    "the import has worked": TRYING.format("PACKAGE.real") + OWN,
    "nothing instead": TRYING.format(".missing") + "    EngineFactory = None\n",
    "in a function": "def get():\n"
    + "".join(f"    {line}\n" for line in (TRYING.format(".missing") + OWN).splitlines())
    + "    return EngineFactory\n\n"
    + FACTORY,
    "another name": TRYING.format(".missing") + "    class Other:\n        pass\n",
}


@pytest.mark.parametrize("case", LOST)
def test_no_fallback_has_won(application, case: str) -> None:
    application.write(real=FACTORY, compat=LOST[case])
    application.start(CONFIG)
    application.load("compat")
    assert not application.found("IA108")
    assert not application.auditor.runtime.barrier.counts


OTHER = "class OtherFactory:\n    def create(self, context):\n        return context\n"
ENGINES = {
    "old": "class OldEngine:\n    pass\n",
    "real": FACTORY + "\nclass Engine:\n    pass\n\ndef create_engine(context):\n    return Engine()\n",
    "other": OTHER + "\ndef create_other(context):\n    return OtherFactory()\n",
}
ALIASES = {
    "a class": ("from PACKAGE.other import OtherFactory as EngineFactory\n", Severity.NOTE),
    "a function": ("from PACKAGE.other import create_other as create_engine\n", Severity.NOTE),
    "assigned": ("from PACKAGE import other\n\nEngineFactory = other.OtherFactory\n", Severity.NOTE),
    "what is deprecated": ("from PACKAGE.old import OldEngine as Engine\n", Severity.WARNING),
}
PROPER = {
    "handed on": "from PACKAGE.real import Engine, EngineFactory, create_engine\n",
    "the replacement": "from PACKAGE.real import Engine as OldEngine\n",
    "decorated": "import functools\n\nfrom PACKAGE.real import create_engine as real\n\n"
    "@functools.wraps(real)\ndef create_engine(context):\n    return real(context)\n",
    "under another name": "from PACKAGE.real import EngineFactory as Factory\n",
}


@pytest.mark.parametrize("case", ALIASES)
def test_another_thing_under_the_name(application, case: str) -> None:
    source, severity = ALIASES[case]
    application.write(**ENGINES, alias=source)
    application.start(CONFIG)
    application.load("alias")
    (finding,) = application.found("IA108")
    assert finding.severity is severity
    assert f"{application.name}.alias:" in finding.message
    assert " stands for " in finding.message


@pytest.mark.parametrize("case", PROPER)
def test_the_thing_that_the_name_says(application, case: str) -> None:
    application.write(**ENGINES, alias=PROPER[case])
    application.start(CONFIG)
    application.load("alias")
    assert not application.found("IA108")


def test_the_place_of_a_fallback_is_its_definition(application) -> None:
    application.write(real=FACTORY, compat=TRYING.format("PACKAGE.missing") + OWN)
    application.start(CONFIG)
    application.load("compat")
    (finding,) = application.found("IA108")
    assert finding.site.top.file.endswith("compat.py")
    assert finding.site.top.line == 5
