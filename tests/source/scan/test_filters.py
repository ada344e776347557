"""What decides from a file's bytes that it need not be parsed changes no finding, whatever the tree looks like."""

from __future__ import annotations

import re
import shutil
import sysconfig
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.source.scan import lexical, prose, renaming, scanner
from isolation_audit.source.scan.lexical import Mention, Words
from trees import CONFIG, OLD, found, scan_tree, write_tree

WORDS = Words(frozenset({"Engine"}), frozenset({"old"}))


def everything(data: bytes, words: Words) -> Mention | None:
    """The filter that knows nothing: whoever has a word, or a star, has to be parsed."""
    return Mention(uncertain=True) if b"*" in data or any(word in data for word in words.encoded) else None


def unfiltered():
    """No file is spared for what its bytes tell."""
    return (
        patch("isolation_audit.source.scan.reading.mention", everything),
        patch.object(scanner, "may_rename", lambda _data, _module: True),
    )


IMPORTS = (
    "from app.old import Engine",
    "from app.old import (\n    Engine,\n)",
    "from app.old import Other as Engine",
    "from app.old import Engine as E; E()",
    "from app import old\nold.Engine()",
    "from app import old as legacy",
    "import app.old",
    "import app.old as o\no.Engine()",
    "from app.old import *",
    "from .old import Engine",
    "from . import (\n    old as legacy,\n)",
    "from . import (\n    old,\n)",
    "from app import legacy\nlegacy.Engine()",
    "from app.given import Engine",
    "from app.given import Machine\nMachine()",
    "Machine = Engine",
    "first, second = (\n    old,\n    1,\n)",
    "import importlib\nimportlib.import_module('app.old').Engine",
    "NAME = 'app.old.Engine'",
    "NAME = 'app.' 'old.Engine'",
    'NAME = f"{old.Engine}"',
    "x = getattr(app, 'old').Engine",
)
TOLD = (
    '"""Once from app.old import Engine did this."""',
    '"""\n>>> import app.old as legacy\n>>> legacy.Engine()\n"""',
    "'''It said \"from app.old import Engine\".'''",
    '"""app.old.Engine"""',
    'r"""a\\" from app.old import Engine"""',
    "# from app.old import Engine",
    "x = 1  # old.Engine",
    "x = '#'; from app.old import Engine",
    "x = '''\nfrom app.old import Engine\n'''",
    "x = 'a \\\nfrom app.old import Engine'",
    "x = \"\"\"a\"\"\" + '''b'''; from app.old import Engine",
    'x = ""; """""";  from app.old import Engine',
    'f"""{app.old.Engine}"""',
    "class OldEngine: pass",
)
texts = st.lists(st.sampled_from(IMPORTS + TOLD), min_size=1, max_size=5).map("\n".join)
trees = st.dictionaries(
    st.sampled_from(["app/given.py", "app/__init__.py", "app/user.py", "one.py", "two/three.py", "two/__init__.py"]),
    texts,
    max_size=4,
)


@settings(deadline=None, max_examples=60)
@given(files=trees)
def test_a_random_tree(files, tmp_path_factory):
    tree = write_tree(tmp_path_factory.mktemp("tree"), {**OLD, **files, "isolation-audit.toml": CONFIG})
    with_filters = found(scan_tree(tree, parse="mentions"))
    mentions, renamings = unfiltered()
    with mentions, renamings:
        assert found(scan_tree(tree, parse="mentions")) == with_filters


@pytest.mark.parametrize("text", TOLD[:3])
def test_what_a_docstring_tells_is_no_mention(text):
    assert lexical.mention(f"{text}\n\ndef work(): pass\n".encode(), WORDS) is None


def test_a_docstring_that_ends_after_the_last_word_hides_what_is_in_it():
    data = (
        b'x = ""\n\ndef one():\n    """Before::\n\n        from app.old import Engine\n    """\n\n\ndef two(): pass\n'
    )
    assert lexical.mention(data, WORDS) is None


@pytest.mark.parametrize(
    ("data", "is_told"),
    [
        (b'"""The Engine."""\n', True),
        (b"x = 1  # the Engine\n", True),
        (b'"""a"""\nEngine\n', False),
        (b'"""Engine"""\n', False),  # by its text it may be imported
        (b'f"""the {Engine}"""\n', False),
        (b'x = "a"; """the Engine"""\n', False),  # not plain to see
        (b'"""a\'\'\'the Engine"""\n', False),
        (b'x = "# the"; Engine\n', False),
        (b'"""a \\""" the Engine"""\n', False),
        (b"x = 'a \\\n# the Engine'\n", False),
        (b"# a comment\rEngine\n", False),
        (b'"""the Engine\n', False),
    ],
)
def test_prose(data, is_told):
    places = [match.span() for match in re.finditer(b"Engine", data)]
    assert prose.is_prose(data, places) is is_told


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("from .compat import Engine\n", False),
        ("from . import compat\n", False),
        ("from . import (\n    compat,  # kept\n    other,\n)\n", False),
        ('__all__ = ["compat"]\n', False),
        ('"""The compat module."""\n', False),
        ("from . import compat as legacy\n", True),
        ("from . import (\n    compat as legacy,\n)\n", True),
        ("legacy = compat\n", True),
        ("legacy, other = (\n    compat,\n    1,\n)\n", True),
        ("from . import compat; legacy = compat\n", True),
        ("def __getattr__(name): ...\n", True),
    ],
)
def test_renaming(text, may):
    assert renaming.may_rename(text.encode(), "compat") is may


@pytest.mark.long
@pytest.mark.parametrize(
    "target", ["django.core.exceptions:ImproperlyConfigured", "sqlalchemy.orm.session:Session", "click.core:Context"]
)
def test_installed_packages(target, tmp_path):
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(Path(sysconfig.get_path("purelib")), tmp_path / "packages", ignore=ignored)
    tree = write_tree(tmp_path, {"isolation-audit.toml": f'[[deprecations]]\ntarget = "{target}"\n'})
    with_filters = found(scan_tree(tree, parse="mentions"))
    assert with_filters
    mentions, renamings = unfiltered()
    with mentions, renamings:
        assert found(scan_tree(tree, parse="mentions")) == with_filters
