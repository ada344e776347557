"""The roles of engines: what is deprecated stands for what replaces it, through any number of replacements."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.config import parse_config
from isolation_audit.rules.factories.roles import roles


def found(engines: list[str], replaced: dict[str, str]) -> dict[str, str]:
    """What a configuration with these makes of each."""
    text = "".join(f'[[engines]]\ntarget = "{one}"\n' for one in engines)
    text += "".join(f'[[deprecations]]\ntarget = "{one}"\nreplacement = "{by}"\n' for one, by in replaced.items())
    return roles(parse_config(tomllib.loads(text)))


@pytest.mark.parametrize(
    ("engines", "replaced", "expected"),
    [
        (["app:Engine"], {}, {"app:Engine": "app:Engine"}),
        (["app:Engine"], {"app:Old": "app:Engine"}, {"app:Engine": "app:Engine", "app:Old": "app:Engine"}),
        ([], {"app:Old": "app:New"}, {"app:Old": "app:New"}),
        ([], {"app:Older": "app:Old", "app:Old": "app:New"}, {"app:Older": "app:New", "app:Old": "app:New"}),
        (["app:Engine"], {"app:Old": "app:Engine.create"}, {"app:Engine": "app:Engine", "app:Old": "app:Engine"}),
        ([], {"app:Old": "app:Engine.create"}, {"app:Old": "app:Engine.create"}),
    ],
)
def test_what_stands_for_what(engines, replaced, expected) -> None:
    assert found(engines, replaced) == expected


NAMES = [f"app:Class{number}" for number in range(5)]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.sets(st.sampled_from(NAMES)))
def test_every_chain_is_followed_to_its_end(steps, engines) -> None:
    replaced = {NAMES[place]: NAMES[min(place + step, 4)] for place, step in enumerate(steps)}
    made = found(sorted(engines - replaced.keys()), replaced)
    assert made.keys() == replaced.keys() | (engines - replaced.keys())
    for target, role in made.items():
        assert role not in replaced
        assert role == made.get(replaced.get(target, target), role)
