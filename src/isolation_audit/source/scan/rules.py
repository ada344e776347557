"""The rules of the IA8xx family: what a scan of the source can report, each with a bad tree and its clean twin."""

from __future__ import annotations

from isolation_audit.model.rules import Rule, Severity, SourceExample

_CONFIG = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine"
"""
_OLD = "class Engine:\n    pass\n"
_NEW = "class UserEngine:\n    pass\n"
_PATCHED = """\
from unittest.mock import patch


@patch("app.old.Engine")
def test_chat(engine):
    pass
"""
_SAME_NAME = "from tools.motors import Engine\n\nengine = Engine()\n"
_IMPORTS = "from app.new import UserEngine\nfrom app.old import Engine\n\n\n"
_SEVERAL = "def engine_for(user):\n    return UserEngine() if user.fresh else Engine()\n"
_ONE = "def engine_for(user):\n    return UserEngine() if user.fresh else None\n"
_FACTORY = "class EngineFactory:\n    def create(self):\n        return None\n"
_HANDED_ON = "from app.factory import EngineFactory\n"
_FALLBACK = f"try:\n    {_HANDED_ON}except ImportError:\n    class EngineFactory:\n        pass\n"
_REGISTRY = "class ToolRegistry:\n    def __init__(self):\n        self.tools = {}\n"
_REGISTERED = "from app.agents import ToolRegistry\n\ntools = ToolRegistry()\n"
_STAND_IN = "try:\n    from app.quota import Quota\nexcept ImportError:\n    class Quota:\n        limit = None\n"
_OPTIONAL = _STAND_IN.replace("app.quota", "a_quota_library")
_TAKEN = "from app.compat import EngineFactory\n\nfactory = EngineFactory()\n"


NAMES = frozenset({"IA810", "IA811", "IA812"})
"""About names that mean several things: what nobody has called deprecated."""

RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "IA801",
            "deprecated-import",
            Severity.WARNING,
            "Something deprecated is imported: directly, under another name, through a "
            "package that hands it on, or by a star. So is anything from a module that is deprecated as a whole, and a "
            "replacement by its old path.",
            "Each of these lines is in the way of deleting the old code, whether or not it runs in the staging system.",
            "import the replacement instead",
            SourceExample(
                _CONFIG,
                {
                    "app/old.py": _OLD,
                    "app/__init__.py": "from .old import Engine as Motor\n",
                    "chat.py": "from app import Motor\n",
                },
                {
                    "app/old.py": _OLD,
                    "app/new.py": _NEW,
                    "app/__init__.py": "from .new import UserEngine as Motor\n",
                    "chat.py": "from app import Motor\n",
                },
            ),
            "`deprecations`, `scan.roots`, `scan.exclude`",
        ),
        Rule(
            "IA802",
            "deprecated-string",
            Severity.WARNING,
            "A dotted name of something deprecated stands in a string: a patch, an import by name, a "
            "list, a settings file.",
            "No tool that follows imports sees it, and it fails only when it runs, after the old code is gone.",
            "name the replacement instead",
            SourceExample(
                _CONFIG,
                {
                    "app/old.py": _OLD,
                    "test_chat.py": _PATCHED,
                },
                {"app/old.py": _OLD, "test_chat.py": '"""Chats without app.old.Engine."""\n'},
            ),
            "`deprecations`, `scan.exclude`",
        ),
        Rule(
            "IA803",
            "deprecated-construction",
            Severity.WARNING,
            "Something deprecated is built or subclassed in the source, also by an alternative constructor or a "
            "factory.",
            "A constructor call is where users come to share an engine; a subclass carries the old behaviour on.",
            "build the replacement, with the arguments that it takes, or let `isolation-audit migrate` do it",
            SourceExample(
                _CONFIG,
                {"app/old.py": _OLD, "chat.py": "import app.old as legacy\n\nengine = legacy.Engine()\n"},
                {"app/old.py": _OLD, "tools/motors.py": "class Engine:\n    pass\n", "chat.py": _SAME_NAME},
            ),
            "`deprecations.constructors`, `factories.builds`",
        ),
        Rule(
            "IA804",
            "conflict-marker",
            Severity.ERROR,
            "A merge conflict was committed: a file of text has its markers. A Python file does not parse for them.",
            "Such a file can't be used, and which side is right is not known any more than who is the user.",
            "settle the conflict",
            SourceExample(
                _CONFIG,
                {"chat.py": "<<<<<<< HEAD\nlimit = 1\n=======\nlimit = 2\n>>>>>>> other\n"},
                {"chat.py": 'SAMPLE = """\n<<<<<<< HEAD\n=======\n>>>>>>> other\n"""\n'},
            ),
        ),
        Rule(
            "IA805",
            "deprecated-file",
            Severity.WARNING,
            "A file that should be gone is still there.",
            "As long as it can be imported, it will be.",
            "delete it when nothing refers to it any more",
            SourceExample(
                '[[deprecations]]\ntarget = "app.old"\nfiles = ["app/legacy_*.py"]\n',
                {"app/legacy_bridge.py": ""},
                {"app/bridge.py": ""},
            ),
            "`deprecations.files`",
        ),
        Rule(
            "IA806",
            "registry-out-of-date",
            Severity.WARNING,
            "The document that lists imports names something that is not there, or recommends what is deprecated.",
            "People and assistants copy from it.",
            "correct the line, or mark it as deprecated",
            SourceExample(
                _CONFIG + '\n[scan]\nregistry = "IMPORTS.md"\n',
                {
                    "app/old.py": _OLD,
                    "app/new.py": _NEW,
                    "IMPORTS.md": "# Engines\n\n```python\nfrom app.old import Engine\n```\n",
                },
                {
                    "app/old.py": _OLD,
                    "app/new.py": _NEW,
                    "IMPORTS.md": "# Engines\n\n```python\nfrom app.new import UserEngine\n```\n",
                },
            ),
            "`scan.registry`",
        ),
        Rule(
            "IA807",
            "unparsable-file",
            Severity.WARNING,
            "A file can't be read or does not parse with the Python that runs the scan, so what it refers to is "
            "not known.",
            "Unknown is not clean: a count of references without it is too low.",
            "mend it, exclude it, or scan with the Python that it is written for",
            SourceExample(
                _CONFIG,
                {"chat.py": "from app.old import (Engine\n\nengine = Engine()\n"},
                {"chat.py": "from app.new import UserEngine\n"},
            ),
            "`scan.exclude`",
        ),
        Rule(
            "IA808",
            "deprecated-name",
            Severity.NOTE,
            "Something deprecated is named otherwise: in an annotation, a check, an alias, a list of exports, as a "
            "value.",
            "It is no construction, and has to change all the same when the old code goes.",
            "name the replacement instead",
            SourceExample(
                _CONFIG,
                {
                    "app/old.py": _OLD,
                    "chat.py": "from app.old import Engine\n\n\ndef talk(engine: Engine):\n    pass\n",
                },
                {"app/old.py": _OLD, "tools/motors.py": "class Engine:\n    pass\n", "chat.py": _SAME_NAME},
            ),
        ),
        Rule(
            "IA809",
            "factory-of-several",
            Severity.WARNING,
            "A function returns something deprecated in one case and another configured class in the next: by "
            "branches, a table, or its annotation.",
            "Who calls it can't know which engine they hold. As long as it is there, no count of constructor calls "
            "tells who still gets the old one.",
            "return one class; split the function where both are needed for a time",
            SourceExample(
                _CONFIG,
                {"app/old.py": _OLD, "app/new.py": _NEW, "make.py": _IMPORTS + _SEVERAL},
                {"app/old.py": _OLD, "app/new.py": _NEW, "make.py": "from app.new import UserEngine\n\n\n" + _ONE},
            ),
            "`deprecations.replacement`, `deprecations.constructors`, `engines`, `factories.builds`",
        ),
        Rule(
            "IA810",
            "one-name-several-definitions",
            Severity.WARNING,
            "A class of the tree has the name of a configured one and is another class, or an alias gives "
            "another class that name.",
            "Which of them a file gets depends on the path of its import. A class that stands in for a failed import "
            "is taken silently, when a dependency is missing. The finding names the other definitions with the number "
            "of files that import each. Names are those of engines, emitters, factories, singletons, "
            "contexts and deprecations; classes whose name is one word must have a method or a parameter of the "
            "constructor in common. An alias is a note; the replacement under the name of what it replaces is none.",
            "keep one class; let the others be imported from there, or give them names of their own",
            SourceExample(
                '[[factories]]\ntarget = "app.factory:EngineFactory.create"\nbuilds = "app.engine:Engine"\n',
                {"app/factory.py": _FACTORY, "app/compat.py": _FALLBACK, "chat.py": _TAKEN},
                {"app/factory.py": _FACTORY, "app/compat.py": _HANDED_ON, "chat.py": _TAKEN},
            ),
            "`engines`, `emitters`, `factories`, `singletons`, `deprecations`, `identity.context_types`, "
            "`scan.exclude`",
        ),
        Rule(
            "IA811",
            "several-factories-of-one-name",
            Severity.NOTE,
            "Several files define a factory or a registry of one name: a class whose name ends with `Factory` or "
            "`Registry`, or a function such as `get_engine_factory`.",
            "Each of them builds, limits and finds for itself. Which one a file gets depends on the path of its "
            "import. The finding is at every definition but the one that most files import, and names the others with "
            "the number of files that import each. Tests may have their own; names of the configuration are IA810.",
            "keep the one that is meant, let the others be imported from there, and configure it as a factory or a "
            "singleton",
            SourceExample(
                _CONFIG,
                {"app/tools.py": _REGISTRY, "app/agents.py": _REGISTRY, "chat.py": _REGISTERED},
                {
                    "app/tools.py": "from app.agents import ToolRegistry\n",
                    "app/agents.py": _REGISTRY,
                    "tests/fakes.py": _REGISTRY,
                    "chat.py": _REGISTERED,
                },
            ),
            "`scan.exclude`",
        ),
        Rule(
            "IA812",
            "fallback-hides-import",
            Severity.WARNING,
            "A class or function is taken in an `except`, where something of the tree itself can't be imported.",
            "The import fails, nobody notices, and everybody who imports the name from here gets a stand-in that keeps "
            "no limits, registers nothing or belongs to nobody. A warning where the tree has no such module, so that "
            "the fallback always wins; a note where it has one, and the `except` hides why its import fails (in tests "
            "that is not told). What makes another library optional is not told, nor a second way to the same file.",
            "import it plainly, and mend the import where it fails",
            SourceExample(
                _CONFIG,
                {"app/__init__.py": "", "app/limits.py": _STAND_IN},
                {"app/__init__.py": "", "app/limits.py": _OPTIONAL},
            ),
            "`scan.exclude`",
        ),
    )
}
