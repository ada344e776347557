"""The place of shared state in words, what configuration calls it, and what to paste there."""

import pytest
from small_leaks import LEAKS

from isolation_audit.instrument.rewrite.sites import RETURNED, AccessSite
from isolation_audit.rules.state.literals import Literals
from isolation_audit.rules.state.paths import StatePath
from isolation_audit.rules.state.remedies import remedy, target_of
from isolation_audit.rules.state.words import diagram, words

PLACES = {
    "global": ("{app}.last", "{app}:last"),
    "attribute of a class": ("{app}.View.context['text']", "{app}:View.context"),
    "cache on an object": ("{app}.memory.cache['profile']", "{app}:memory"),
    "closure": ("{app}.handle.<said>[...]", "{app}:handle"),
    "default argument": ("{app}.remember(said=...)[...]", "{app}:remember"),
    "default of a context variable": ("{app}.said.get()[...]", "{app}:said"),
    "environment": ("os.environ.get('STATE_TEST_TOKEN')", "os:_Environ.STATE_TEST_TOKEN"),
    "variable of a generator": ("the local variable 'last' of conversation()", "last"),
    "queue": ("{app}.waiting[...]", "{app}:waiting"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_a_finding_names_the_place(audited, kind):
    shown, target = PLACES[kind]
    findings, _said = audited(LEAKS[kind][0])
    app = findings[0].site.top.file.rpartition("/")[2].removesuffix(".py")
    assert findings[0].message.partition(": ")[0] == shown.format(app=app)
    assert findings[0].target == target.format(app=app)


@pytest.fixture
def places(tmp_path):
    file = tmp_path / "shop.py"
    file.write_text("def ask(kept):\n    return kept['drafts']\n")
    return (AccessSite(str(file), 2, "ask", "kept['drafts']", RETURNED),) * 2


PATH = StatePath(("shop.kept", ("zaphod-42",)), "shop:kept", ("zaphod-42",), ("shop:Kept",))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (("item", "drafts"), "shop.kept[...]['drafts']"),
        (("item", "trillian-7"), "shop.kept[...][...]"),
        (("item", 7), "shop.kept[...][7]"),
        (("item", None), "shop.kept[...][...]"),
        (("element", None), "shop.kept[...][...]"),
        (("queued", 3), "shop.kept[...][3]"),
        (("attribute", "text"), "shop.kept[...].text"),
        *((("cell", "text"), "shop.kept[...]"), (("all", None), "shop.kept[...]")),
        (("carried", "last"), "the local variable 'last' of ask()"),
    ],
)
def test_keys_are_shown_where_they_stand_in_the_code(places, place, shown):
    assert words(PATH, place, places, Literals()) == shown


def test_a_default_argument_is_shown_as_the_function_has_it(places):
    path = StatePath(("shop.remember", ".__code__"), "shop:remember")
    assert words(path, ("default", "said"), places, Literals()) == "shop.remember(said=...)"


def test_a_place_that_no_module_leads_to(places):
    assert words(None, ("attribute", "text"), places, Literals(), "shop:Kept") == "shop:Kept.text"
    assert words(None, ("item", "zaphod-42"), places, Literals(), "builtins:dict") == "kept['drafts']"
    assert diagram(None, places, Literals()) == ""


def test_the_diagram_hides_the_same_keys(places):
    assert "zaphod" not in diagram(PATH, places, Literals())
    assert "shop.kept" in diagram(PATH, places, Literals())


OF_A_MODULE = StatePath(("shop",), "shop", names=True)
OF_A_CLASS = StatePath(("shop.View",), "shop:View", names=True)


@pytest.mark.parametrize(
    ("path", "key", "container_class", "target", "pasted"),
    [
        (OF_A_MODULE, "last", "builtins:module", "shop:last", "shop:last"),
        (OF_A_CLASS, "text", "builtins:type", "shop:View.text", "shop:View.text"),
        (PATH, "text", "shop:Kept", "shop:kept", "shop:kept"),
        (OF_A_MODULE, 7, "shop:Kept", "shop", "shop:Kept"),
        (None, "text", "shop:Kept", "shop:Kept.text", "shop:Kept"),
        (None, "text", "builtins:dict", "kept['drafts']", None),
        (None, 7, "shop:Kept", "kept['drafts']", "shop:Kept"),
    ],
)
def test_what_configuration_calls_it(places, path, key, container_class, target, pasted):
    assert target_of(path, key, places[0], container_class) == target
    lines = remedy(path, key, container_class)
    assert ("\n".join(lines) if lines else None) == (
        f'[[shared]]\ntarget = "{pasted}"\npolicy = "allow"\nreason = "..."' if pasted else None
    )
