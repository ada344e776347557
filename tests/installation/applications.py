"""Environments of applications, as somebody has them before the auditor comes: old ones, new ones, pinned ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Application:
    """What is installed, and how the program ``ask.py`` starts the server."""

    name: str
    packages: tuple[str, ...]
    words: tuple[str, ...]


UVICORN = ("--websocket", "-m", "uvicorn", "fastapi_app:app", "--port", "{port}", "--log-level", "critical")
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "critical")

APPLICATIONS = (
    Application(
        "old FastAPI, with what else an old lock file pins",
        (
            *("fastapi==0.104.1", "uvicorn==0.21.1", "websockets==11.0.3"),
            *("click==8.0.4", "wrapt==1.16.0", "rich==12.6.0"),
        ),
        UVICORN,
    ),
    Application("new FastAPI", ("fastapi", "uvicorn", "websockets", "click", "rich"), UVICORN),
    Application(
        "Flask 2.0",
        ("flask==2.0.3", "werkzeug==2.0.3", "click==8.0.4", "gunicorn==20.1.0", "setuptools<70", "wrapt==1.16.0"),
        (*GUNICORN, "--workers", "1", "--threads", "2", "flask_app:app"),
    ),
    Application(
        "Django 4.2",
        ("django==4.2", "waitress==2.1.2", "rich==12.0.0"),
        ("-m", "waitress", "--listen", "127.0.0.1:{port}", "--threads", "1", "django_app:application"),
    ),
    Application(
        "new Django with REST framework",
        ("django", "djangorestframework", "gunicorn"),
        (*GUNICORN, "--workers", "1", "django_app:application"),
    ),
    Application("aiohttp", ("aiohttp",), ("aiohttp_app.py", "{port}")),
    Application("old aiohttp", ("aiohttp==3.9.0", "attrs==22.2.0"), ("aiohttp_app.py", "{port}")),
    Application("no framework at all", ("click==8.0.4", "wrapt==1.16.0", "rich==12.0.0"), ("bare_app.py", "{port}")),
)
OLDEST, NO_FRAMEWORK = APPLICATIONS[0], APPLICATIONS[-1]
