"""Frames: which of a stack is the application's own, and through which library the call went that was watched.

People look for their own code. The standard library and installed packages are what it went through. An application
that is installed itself, as a package beside its libraries, is known by ``analysis/application.py``, or else told from
them by a list of known frameworks.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

Step = tuple["CodeType", int]
RawStack = tuple[Step, ...]
"""Code and instruction of each frame, the innermost first."""

_STANDARD: Final = tuple({sysconfig.get_path(name).rstrip("/") + "/" for name in ("stdlib", "platstdlib")})
_PACKAGES: Final = ("/site-packages/", "/dist-packages/")
_TEST_FOLDERS: Final = frozenset({"test", "tests"})

FRAMEWORKS: Final = frozenset(
    {
        *("a2wsgi", "aiocache", "aiofiles", "aiohttp", "aiohttp_security", "aiohttp_session", "aiomysql", "aiosqlite"),
        *("anyio", "apscheduler", "ariadne", "asgiref", "async_lru", "asyncpg", "attr", "attrs", "authlib", "backoff"),
        *("billiard", "bleach", "blinker", "bottle", "cachelib", "cachetools", "cattrs", "celery", "channels"),
        *(
            "channels_redis",
            "cherrypy",
            "click",
            "concurrent",
            "daphne",
            "dash",
            "debug_toolbar",
            "decorator",
            "django",
        ),
        *("django_filters", "dramatiq", "engineio", "eventlet", "falcon", "fastapi", "fastapi_cache", "fastapi_users"),
        *("fastmcp", "flask", "flask_caching", "flask_jwt_extended", "flask_login", "flask_socketio"),
        *("flask_sqlalchemy", "gevent", "gradio", "graphene", "graphene_django", "graphql", "graphql_server"),
        *("greenlet", "grpc", "gunicorn", "h11", "httpcore", "httpcore2", "httptools", "httpx", "httpx2"),
        *("huey", "hypercorn", "jinja2"),
        *("joserfc", "jose", "jwt", "kombu", "langchain", "langchain_core", "langgraph", "litestar", "loguru", "mako"),
        *("marshmallow", "mcp", "msgspec", "ninja", "openai", "opentelemetry", "peewee", "pluggy", "promise"),
        *("psycopg", "psycopg2", "psycopg_pool", "pydantic", "pydantic_core", "pyee", "pymongo", "pymysql", "pyramid"),
        *("pytest", "_pytest", "quart", "redis", "requests", "requests_cache", "rest_framework", "rq", "sanic"),
        *("sentry_sdk", "simplejwt", "rest_framework_simplejwt", "socketio", "sqlalchemy", "sqlmodel", "sse_starlette"),
        *("starlette", "strawberry", "streamlit", "structlog", "tenacity", "tornado", "tortoise", "trio", "twisted"),
        *("urllib3", "uvicorn", "uvicorn_worker", "uvloop", "waitress", "webob", "websocket", "websockets", "werkzeug"),
        *("asgineer", "shiny", "whitenoise", "wrapt", "wsproto", "zope"),
    }
)
"""Packages that run or serve applications, and that applications call: none of them is one."""

_script: Final[list[str]] = []

_RUNNERS: Final = (
    ("/asyncio/events.py", "Handle._run"),
    ("/asyncio/runners.py", ""),
    ("/asyncio/base_events.py", "BaseEventLoop.run_"),
    ("/socketserver.py", "BaseServer."),
    ("/wsgiref/simple_server.py", ""),
    ("/werkzeug/serving.py", ""),
    ("/werkzeug/test.py", ""),
    ("/django/test/", ""),
    ("/starlette/testclient.py", ""),
    ("/httpx/_transports/", ""),
    ("/httpx2/_transports/", ""),
    ("/uvicorn/", "Server."),
    ("/uvicorn/", "run"),
    ("/hypercorn/", "run"),
    ("/gunicorn/workers/", ""),
    ("/waitress/", "ThreadedTaskDispatcher."),
    ("/celery/app/trace.py", ""),
    ("/celery/worker/", ""),
)
"""Files and beginnings of qualified names of what runs one piece of work after the other."""


class _Application:
    """What of the installed packages is the application."""

    folders: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()


_application: Final = _Application()

_NAMES: Final = 20_000
"""Functions whose answer is remembered."""


class ShownPlace(NamedTuple):
    """A stack from the application's own innermost frame on, and the library's frame that this frame had called."""

    stack: RawStack
    through: Step | None = None


def is_the_application(own: frozenset[str], run: frozenset[str]) -> None:
    """These installed packages are the application: ``own`` as if it was not installed, ``run`` where it is shown."""
    names = [name for package in own for name in (f"{package}/", f"{package}.py")]
    _application.folders = tuple([folder + name for folder in _PACKAGES for name in names])
    _application.packages = own | run
    is_installed.cache_clear()


@lru_cache(_NAMES)
def is_installed(file: str) -> bool:
    """True for the code of the standard library and of installed packages that are not the application's own.

    What libraries have generated, as SQLAlchemy, attrs and decorators do, is theirs.
    """
    if file.startswith("<") and (" generated " in file or "-gen-" in file):
        return True
    if not file.startswith(("<frozen", *_STANDARD)) and "-packages/" not in file:
        return False
    return not any(folder in file for folder in _application.folders)


def is_run(file: str) -> bool:
    """True for installed packages that are served or run here: they may be somebody else's, but are the application."""
    return bool(_application.packages) and package_of(file) in _application.packages


def is_of_tests(file: str) -> bool:
    """True for files of tests: they are written with the names of those who ask."""
    name = file.rpartition(os.sep)[2]  # for each import: a Path takes longer
    return name.startswith(("test_", "conftest.")) or name.rpartition(".")[0].endswith("_test")


def is_beside_tests(file: str) -> bool:
    """True for files of tests, and for what tests keep beside them: such modules have the names of those who ask, too.

    The folder has to be one of tests by its name: an application may have its tests in its own folder.
    """
    folder = Path(file).parent
    return is_of_tests(file) or (not _TEST_FOLDERS.isdisjoint(folder.parts) and _has_tests(folder))


@lru_cache(maxsize=1_000)
def _has_tests(folder: Path) -> bool:
    return any(is_of_tests(str(path)) for path in folder.glob("*.py"))


def is_standard(file: str) -> bool:
    """True for the code of the standard library alone."""
    return file.startswith(("<frozen", *_STANDARD)) and "-packages/" not in file


def own_place(raw: RawStack) -> ShownPlace | None:
    """The application's own part of a stack; None where no frame is the application's.

    Frames outside of what runs one piece of work after the other (an event loop, a server, a test client) do not count:
    there is the ``main()`` that is the same for everybody.
    """
    return _from(raw, lambda code: not is_installed(code.co_filename))


def installed_place(raw: RawStack, package: str | None = None) -> ShownPlace | None:
    """The same for an application that is an installed package itself: ``package``, or whatever is no framework."""
    known = None if package is not None else _from(raw, _is_run)
    return known or _from(raw, lambda code: _may_be_an_application(code, package))


def package_of(file: str) -> str | None:
    """The top package of an installed file; None for the standard library and for what is not installed."""
    for folder in _PACKAGES:
        _, found, rest = file.rpartition(folder)
        if found:
            return rest.partition("/")[0].removesuffix(".py")
    return None


def beneath(raw: RawStack, libraries: tuple[str, ...]) -> RawStack:
    """A stack without the frames of these libraries (a folder or file at the root of an import path) on top of it."""
    marks = tuple([f"/{name}" if name.endswith(".py") else f"/{name}/" for name in libraries])
    for depth, (code, _lasti) in enumerate(raw):
        file = code.co_filename
        root = next((folder for folder in _STANDARD if file.startswith(folder)), "/")
        if not any(mark in file[len(root) - 1 :] for mark in marks):
            return raw[depth:]
    return raw


def _one_work(raw: RawStack) -> RawStack:
    for depth, (code, _lasti) in enumerate(raw):
        if _is_runner(code.co_filename, code.co_qualname):
            return raw[:depth]
    return raw


def _from(raw: RawStack, wanted: Callable[[CodeType], bool]) -> ShownPlace | None:
    for depth, (code, _lasti) in enumerate(_one_work(raw)):
        if wanted(code):
            return ShownPlace(raw[depth:], raw[depth - 1] if depth else None)
    return None


@lru_cache(_NAMES)
def _is_runner(file: str, name: str) -> bool:
    return any(part in file and name.startswith(begin) for part, begin in _RUNNERS)


def _is_run(code: CodeType) -> bool:
    return is_run(code.co_filename)


def _may_be_an_application(code: CodeType, package: str | None) -> bool:
    found = package_of(code.co_filename)
    return found is not None and (found not in FRAMEWORKS if package is None else found == package)


def script() -> str | None:
    """The file of the program's script, if it is one, also when Python has run it to its end.

    Python takes ``__main__.__file__`` away before the threads of the program have ended.
    """
    module = sys.modules.get("__main__")
    file = getattr(module, "__file__", None)
    if type(file) is str:
        _script[:] = [file]
    elif not _script and module is not None and sys.argv and Path(sys.argv[0]).is_file():
        return str(Path(sys.argv[0]).absolute())
    return _script[0] if _script else None
