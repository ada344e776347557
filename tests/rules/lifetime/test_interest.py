"""Of which classes objects are followed: the application's, and those of libraries that have to be closed."""

from __future__ import annotations

import asyncio
import collections
import io
import socket
import threading
import types
import weakref

import httpx
import pytest
import starlette.websockets

from isolation_audit.model.users import User
from isolation_audit.rules.lifetime.interest import is_of_interest, is_own, name_of


class Engine:
    pass


class Threads(threading.Thread):
    pass


def test_classes_of_the_application() -> None:
    assert is_own(Engine)
    assert is_own(Threads)
    assert name_of(Engine) == f"{__name__}:Engine"


@pytest.mark.parametrize(
    "kind",
    [dict, User, pytest.Item, weakref.ref, collections.deque, httpx.Client, threading.Thread, types.FunctionType],
)
def test_classes_of_others(kind) -> None:
    assert not is_own(kind)


@pytest.mark.parametrize(
    "kind",
    [
        *(Engine, Threads, threading.Thread, asyncio.Future, asyncio.Task),
        *(socket.socket, io.FileIO, httpx.Client, httpx.AsyncClient, starlette.websockets.WebSocket),
    ],
)
def test_what_has_to_be_closed_or_waited_for(kind) -> None:
    assert is_of_interest(kind)


@pytest.mark.parametrize("kind", [dict, str, collections.deque, httpx.URL, User, weakref.ref, types.GeneratorType])
def test_what_is_only_data_or_ours(kind) -> None:
    assert not is_of_interest(kind)


def test_a_module_without_a_file_is_nobody_s() -> None:
    made = type("Made", (), {"__module__": "a_module_that_is_not_there"})
    assert not is_own(made)
    assert not is_of_interest(made)
