"""Looking things up in what is imported, whatever stands in for a module there."""

from __future__ import annotations

import types
from typing import Any

import pytest

from isolation_audit.config.model import Target
from isolation_audit.instrument.resolve import UnresolvedError, dict_of, find, leads_to, resolve

MODULE = types.ModuleType("app")
exec("def send(to): return to\nclass Engine:\n    def run(self): return 1\n", vars(MODULE))


class Proxy:
    """As libraries put in a module's place to warn of names that are old: everything is the module's."""

    def __init__(self, module: Any) -> None:
        object.__setattr__(self, "_module", module)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return types.ModuleType
        return getattr(object.__getattribute__(self, "_module"), name)


class Namespace(types.ModuleType):
    """A module that makes its names on demand."""

    def __getattr__(self, name: str) -> Any:
        if name == "send":
            return MODULE.send
        raise AttributeError(name)


def test_a_proxy_has_what_its_module_has() -> None:
    proxy: Any = Proxy(MODULE)
    assert dict_of(proxy) is vars(MODULE)
    assert find(proxy, "send") == (proxy, MODULE.send)
    assert resolve(proxy, Target("app", "Engine.run")).raw is MODULE.Engine.run
    with pytest.raises(UnresolvedError, match="Engine has no 'ran'; did you mean 'run'"):
        resolve(proxy, Target("app", "Engine.ran"))


@pytest.mark.parametrize("stands_in", [42, "text", object()])
def test_what_shows_nothing_is_empty(stands_in: Any) -> None:
    assert dict_of(stands_in) == {}
    assert find(stands_in, "send") == (None, None)


def test_names_that_are_made_on_demand() -> None:
    module = Namespace("lazy")
    assert find(module, "send") == (module, MODULE.send)
    assert find(module, "none") == (None, None)


def test_what_a_name_leads_to_is_known_without_asking():
    module = types.ModuleType("shop")
    exec(
        "class Base:\n    def inherited(self): ...\n\n"
        "class Cart(Base):\n    def add(self): ...\n\n"
        "class Odd(type):\n    pass\n\nclass Own(metaclass=Odd):\n    def add(self): ...\n\ndef order(): ...\n",
        module.__dict__,
    )
    for name in ("order", "Cart", "Cart.add"):
        target = Target("shop", name)
        raw = resolve(module, target).raw
        assert leads_to(raw, module, target)
        assert not leads_to(object(), module, target)
    # What may be asked for in other ways is left to those who ask.
    for name in ("Cart.inherited", "Own.add", "Cart.add.more", "gone"):
        assert not leads_to(module.Base.inherited, module, Target("shop", name))
