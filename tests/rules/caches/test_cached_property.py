"""Cached properties: one user's value read by another from a shared object; everything else as it was."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from pathlib import Path

import pytest
from auditing import Audit, config, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.cached_property import ComputePoint, ReadPoint

HERE = Path(__file__).name


def make(cached_property=functools.cached_property) -> type:
    """A new class each time: what is watched is the class."""

    class Settings:
        """Of all users, or of one."""

        def __init__(self, user=None):
            self.user = user

        @cached_property
        def theme(self):
            """Its text."""
            return {"of": self.who()}

        @cached_property
        def prices(self):
            return {"price": 5}

        @cached_property
        def second(self):
            return [current_user.get()]

        def who(self):
            return current_user.get()

    return Settings


def theme(settings):
    return settings.theme


def test_a_shared_object(audit: Audit) -> None:
    settings = make()()
    for user in ("alice", "alice", "bob"):
        audit.as_user(user, theme, settings)
        audit.as_user(user, lambda: (settings.second, settings.prices))
    found = {finding.target.rpartition(".")[2]: finding for finding in audit.found("IA404")}
    assert set(found) == {"theme", "second"}
    finding = found["theme"]
    assert (finding.witnesses.owner, finding.witnesses.ambient, finding.witnesses.content) == ("alice", "bob", "alice")
    assert (Path(finding.site.top.file).name, finding.site.top.function) == (HERE, "theme")
    assert finding.origin.top.function.endswith("theme")


def test_djangos(audit: Audit) -> None:
    from django.utils.functional import cached_property

    kind = make(cached_property)
    original, settings = vars(kind)["theme"], kind()
    for user in ("alice", "bob"):
        assert audit.as_user(user, theme, settings) == {"of": "alice"}
        audit.as_user(user, lambda: (settings.prices, kind(user).theme))
    assert {finding.target.rpartition(".")[2] for finding in audit.found("IA404")} == {"theme"}
    assert audit.pairs("IA404") == {("alice", "bob")}
    watched = vars(kind)["theme"]
    assert watched is not original
    assert isinstance(watched, cached_property)
    assert (repr(type(watched)), watched.name, kind.theme) == (repr(cached_property), "theme", watched)
    del settings.__dict__["theme"]
    assert audit.as_user("bob", theme, settings) == {"of": "bob"}
    audit.auditor.stop()
    assert vars(kind)["theme"] is original


def test_a_subclass_and_an_object_that_was_there_before(audit: Audit) -> None:
    base = make()

    class Special(base):
        pass

    first, second = Special(), base()
    audit.as_user("alice", theme, first)
    audit.as_user("carol", theme, second)
    assert audit.as_user("bob", theme, second) == {"of": "carol"}
    assert audit.pairs("IA404") == {("carol", "bob")}


def test_an_object_of_one_user_is_silent(audit: Audit) -> None:
    kind = make()
    of_user = {user: kind(user) for user in ("alice", "bob")}
    for user, settings in of_user.items():
        audit.as_user(user, theme, settings)
    audit.as_user("bob", theme, of_user["alice"])  # bob asked for alice's
    assert audit.found("IA404") == []


def test_a_value_that_was_set_or_deleted_is_nobody_s(audit: Audit) -> None:
    settings = make()()
    audit.as_user("alice", theme, settings)
    settings.theme = {"of": "all"}
    assert audit.as_user("bob", theme, settings) == {"of": "all"}
    del settings.theme
    assert audit.as_user("bob", theme, settings) == {"of": "bob"}
    assert audit.found("IA404") == []


@pytest.fixture(params=["bare", "audited", "afterwards"])
def watched(request):
    """A class with a property; bare, while it is watched, and after that."""
    kind = make()
    original = vars(kind)["theme"]
    token = current_user.set("alice")
    if request.param == "bare":
        yield kind
    else:
        with Auditor(config()) as auditor:
            assert theme(kind()) == {"of": "alice"}
            assert vars(kind)["theme"] is not original
            if request.param == "audited":
                yield kind
        if request.param == "afterwards":
            yield kind
        assert auditor.runtime.barrier.counts == {}
        assert vars(kind)["theme"] is original
    current_user.reset(token)


def test_equal_behaviour(watched) -> None:
    settings = watched()
    assert vars(settings) == {"user": None}
    assert theme(settings) is theme(settings)
    assert vars(settings) == {"user": None, "theme": {"of": "alice"}}
    assert copy.copy(settings).theme is settings.theme
    assert copy.deepcopy(settings).theme == settings.theme
    settings.theme = 5
    assert (settings.theme, vars(settings)["theme"]) == (5, 5)
    del settings.theme
    assert "theme" not in vars(settings)
    with pytest.raises(AttributeError, match="theme"):
        del settings.theme
    assert isinstance(watched.theme, functools.cached_property)
    assert (watched.theme.attrname, watched.theme.__doc__) == ("theme", "Its text.")
    assert inspect.getdoc(watched.theme) == "Its text."
    assert type(watched.theme).__name__ == "cached_property"


class Pickled:
    @functools.cached_property
    def theme(self):
        return {"of": current_user.get()}


def test_objects_pickle(audit: Audit) -> None:
    settings = Pickled()
    audit.as_user("alice", theme, settings)
    again = pickle.loads(pickle.dumps(settings))
    assert vars(again) == {"theme": {"of": "alice"}}
    assert audit.as_user("bob", theme, again) == {"of": "alice"}
    assert audit.found("IA404") == [], "what was unpickled is a new object"


@pytest.mark.parametrize(
    ("point", "method"), [(ComputePoint, "before"), (ComputePoint, "after"), (ReadPoint, "before")]
)
def test_faults_change_nothing(monkeypatch, point, method) -> None:
    def broken(*_args):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, method, broken)
    settings = make()()
    with Auditor(config()) as auditor:
        assert Audit.as_user("alice", theme, settings) is Audit.as_user("bob", theme, settings)
    assert auditor.runtime.barrier.counts


def test_nothing_is_patched_where_it_is_switched_off() -> None:
    code = functools.cached_property.__get__.__code__
    with Auditor(config(watch=model.Watch(caches=False))):
        assert functools.cached_property.__get__.__code__ is code
    with Auditor(config()):
        assert functools.cached_property.__get__.__code__ is not code
    assert functools.cached_property.__get__.__code__ is code
