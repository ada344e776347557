"""What a module takes when an import has failed, read off its text."""

from __future__ import annotations

import pytest

from isolation_audit.analysis.fallbacks import Fallback, fallbacks

FALLBACKS = {
    "class": (
        "try:\n    from app.a import Engine\nexcept ImportError:\n    class Engine:\n        x = Engine2\n",
        [("Engine", 4, "app.a")],
    ),
    "function": (
        (
            "try:\n    from .a import (\n        make,  # ours\n        other,\n    )\n"
            "except (ImportError, OSError) as e:\n    log(e)\n\n    async def make():\n        return 1\n"
        ),
        [("make", 9, ".a")],
    ),
    "import": ("try:\n    from a import X as Y\nexcept:\n    from b import Z as Y\n", [("Y", 4, "a", "b")]),
    "value": ("try:\n    from a import X\nexcept Exception:\n    X = Mock()\n", [("X", 4, "a")]),
    "under a condition": (
        "if fast:\n    try:\n        from a import X\n    except ImportError:\n        class X: ...\nclass Y: ...\n",
        [("X", 5, "a")],
    ),
    "a second handler": (
        "try:\n    from a import X\nexcept OSError:\n    raise\nexcept ImportError:\n    class X: ...\n",
        [("X", 6, "a")],
    ),
    "two": (
        "try:\n    from a import X, Y\nexcept ImportError:\n    class X: ...\n    class Y: ...\n",
        [("X", 4, "a"), ("Y", 5, "a")],
    ),
    "nothing": ("try:\n    from a import X\nexcept ImportError:\n    X = None  # none\n", []),
    "a flag": ("try:\n    from a import X\nexcept ImportError:\n    HAS_X = False\n    X: object = None\n", []),
    "another name": ("try:\n    from a import X\nexcept ImportError:\n    class Y: ...\n", []),
    "another error": ("try:\n    from a import X\nexcept OSError:\n    class X: ...\n", []),
    "after the block": ("try:\n    from a import X\nexcept ImportError:\n    pass\nclass X: ...\n", []),
    "in a function": (
        "def f():\n    try:\n        from a import X\n    except ImportError:\n        class X: ...\n    return X\n",
        [],
    ),
}


@pytest.mark.parametrize("case", FALLBACKS)
def test_fallbacks(case: str) -> None:
    text, expected = FALLBACKS[case]
    assert list(fallbacks(text)) == [Fallback(*one) for one in expected]


def test_of_these_names_only() -> None:
    text, _ = FALLBACKS["two"]
    assert [one.name for one in fallbacks(text, {"Y"})] == ["Y"]
