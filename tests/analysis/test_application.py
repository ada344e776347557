"""Which installed packages are the application: of distributions as installers leave them, and of command lines."""

from __future__ import annotations

import json

import pytest

from isolation_audit.analysis import frames
from isolation_audit.analysis.application import Application, installed_application


@pytest.fixture
def place(tmp_path):
    """A folder with a library of an index, and an application that was installed from a folder."""

    def install(name: str, files: list[str], **about: str) -> None:
        info = tmp_path / "site-packages" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
        for file, text in about.items():
            (info / file.replace("__", ".")).write_text(text)
        for file in files:
            path = tmp_path / "site-packages" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    local = json.dumps({"url": "file:///src/shop", "dir_info": {}})
    linked = json.dumps({"url": "file:///src/linked", "dir_info": {"editable": True}})
    fetched = json.dumps({"url": "https://index/x.whl", "archive_info": {}})
    install("shop", ["shop/__init__.py", "shop/main.py", "shop_tools.py", "shop/x.html"], direct_url__json=local)
    install("linked", ["__editable___linked_finder.py"], direct_url__json=linked)
    install("fetched", ["fetched/__init__.py"], direct_url__json=fetched)
    commands = "[console_scripts]\ntracker = tracker.cli:main\nother = other:main\n\n[tracker.plugins]\nx = plugin:x\n"
    install("tracker", ["tracker/cli.py"], entry_points__txt=commands)
    install("flask", ["flask/__init__.py"], entry_points__txt="[console_scripts]\nflask = flask.cli:main\n")
    return tmp_path / "site-packages"


SHOP = frozenset({"shop", "shop_tools"})


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("python app.py", set()),
        ("python -m tracker serve", {"tracker"}),
        ("python -m flask --app tracker.web run", {"tracker"}),
        ("python -m flask --app=tracker.web:make() run", {"tracker"}),
        ("python /venv/bin/tracker serve", {"tracker"}),
        ("python /venv/bin/flask run", set()),
        ("python /venv/bin/uvicorn tracker.main:app --port 80", {"tracker"}),
        ("python -m gunicorn -w 2 tracker.main:make('x')", {"tracker"}),
        ("python -m celery -A tracker.tasks worker", {"tracker"}),
        ("python -m uvicorn elsewhere.main:app", set()),
        ("python -m http.server", set()),
    ],
)
def test_what_is_run(place, line: str, run: set[str]) -> None:
    assert installed_application([place], line.split(), {}) == Application(SHOP, frozenset(run))


def test_what_the_environment_names(place) -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "tracker.settings", "FLASK_APP": "fetched.web:app"}
    assert installed_application([place], ["python"], environment).run == {"tracker", "fetched"}


def test_what_can_not_be_read_is_passed_over(place) -> None:
    (place / "shop-1.0.dist-info" / "direct_url.json").write_text("[]")
    (place / "fetched-1.0.dist-info" / "direct_url.json").write_bytes(b"\xff")
    assert installed_application([place, place / "none"], ["python"], {}) == Application(frozenset(), frozenset())


@pytest.fixture
def application():
    """Tells which packages are the application, until the test ends."""
    yield frames.is_the_application
    frames.is_the_application(frozenset(), frozenset())


def test_its_files_are_not_installed(application) -> None:
    file = "/venv/lib/python3.11/site-packages/shop/views.py"
    assert frames.is_installed(file)
    application(SHOP, frozenset())
    assert not frames.is_installed(file)
    assert not frames.is_installed("/venv/lib/python3.11/site-packages/shop_tools.py")
    assert frames.is_installed("/venv/lib/python3.11/site-packages/shopping/views.py")
    assert not frames.is_standard(file)


def test_what_is_run_is_shown_before_what_may_be_an_application(application) -> None:
    helper, view = (
        compile("", f"/venv/lib/python3.11/site-packages/{name}", "exec") for name in ("helpers.py", "tracker/web.py")
    )
    raw = ((helper, 0), (view, 0))
    assert frames.installed_place(raw).stack == raw  # type: ignore[union-attr]
    application(frozenset(), frozenset({"tracker"}))
    assert frames.installed_place(raw).stack == raw[1:]  # type: ignore[union-attr]
