"""Extraction paths: the grammar, and that reading one runs nothing."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.config import Attribute, Item, Path, PathError, Root, parse_path, parse_value_path

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
keys = st.one_of(st.integers(-999, 999), st.text(st.characters(exclude_characters="'", codec="utf-8"), max_size=8))
steps = st.lists(st.one_of(names.map(Attribute), keys.map(Item)), max_size=4).map(tuple)


def written(steps: tuple[Attribute | Item, ...]) -> str:
    texts = []
    for step in steps:
        if isinstance(step, Attribute):
            texts.append(f".{step.name}")
        else:
            texts.append(f"[{step.key}]" if isinstance(step.key, int) else f"['{step.key}']")
    return "".join(texts)


@given(names, steps, st.none() | names)
@settings(deadline=None)
def test_a_call_path_round_trips(argument: str, steps: tuple[Attribute | Item, ...], binding: str | None) -> None:
    text = (f"{binding}:" if binding else "") + f"args.{argument}" + written(steps)
    assert parse_path(text) == Path(text, Root.ARGUMENT, argument, steps, binding)


@given(st.sampled_from(["self", "return"]), steps)
@settings(deadline=None)
def test_self_and_return_round_trip(root: str, steps: tuple[Attribute | Item, ...]) -> None:
    assert parse_path(root + written(steps)) == Path(root + written(steps), Root(root), None, steps)


@given(names, steps)
@settings(deadline=None)
def test_a_value_path_round_trips(first: str, steps: tuple[Attribute | Item, ...]) -> None:
    text = first + written(steps)
    assert parse_value_path(text) == Path(text, Root.VALUE, None, (Attribute(first), *steps))


@given(st.text(max_size=40) | st.from_regex(r"(\w+:)?(args|kw|self|return)[\w.\[\]'\"()-]{0,30}", fullmatch=True))
@settings(deadline=None)
def test_any_text_is_a_path_or_a_path_error(text: str) -> None:
    for parse in (parse_path, parse_value_path):
        try:
            path = parse(text)
        except PathError:
            continue
        assert path.text == text
        assert parse(path.text) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("args[2].id", Path("args[2].id", Root.ARGUMENT, 2, (Attribute("id"),))),
        ("kw.user", Path("kw.user", Root.ARGUMENT, "user")),
        ("everyone", Path("everyone", Root.EVERYONE)),
        ("self", Path("self", Root.SELF)),
        (
            'args.m["a b"][-1][key]',
            Path('args.m["a b"][-1][key]', Root.ARGUMENT, "m", (Item("a b"), Item(-1), Item("key"))),
        ),
        ("run_id:return.x", Path("run_id:return.x", Root.RETURN, None, (Attribute("x"),), "run_id")),
    ],
)
def test_examples(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "args.user.delete()",
        "self.id; import os",
        "__import__('os').system('true')",
        "args.x or args.y",
        "args.x if True else args.y",
        "args.items[f()]",
        "args.items[1+1]",
        "args.items[:2]",
        "lambda: 1",
        "self.{id}",
        "args.x\n.y",
        "args['__import__(\"os\")']",
    ],
)
def test_code_is_not_a_path(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> object:
        raise AssertionError("a path was run")

    with monkeypatch.context() as patch:
        for name in ("eval", "exec", "compile", "__import__"):
            patch.setattr(f"builtins.{name}", forbidden)
        with pytest.raises(PathError):
            parse_path(text)


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        ("", "empty", "args.user_id"),
        ("user.id", "starts with 'user'", "args.user"),
        ("args", "names no parameter", "args.user_id"),
        ("kw[0]", "no such position", "args[0]"),
        ("args[-1]", "no such position", "args[0]"),
        ("args['name']", "where a position belongs", "args.name"),
        ("a:b:args.x", "twice", "one binding"),
        ("run_id:everyone", "table of ids", "alone"),
        ("self.class", "keyword", "['class']"),
        ("self.__user", "private", "_Engine__user"),
        ("args.x[" + "9" * 30 + "]", "can't be read", "[KEY]"),
        ("args." + "x" * 600, "longer", "shorten"),
    ],
)
def test_errors_name_cause_and_remedy(text: str, cause: str, remedy: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
