"""A plain command line of ``run`` is read without click, and means what click would have read; the rest is click's."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from isolation_audit.cli import run as command
from isolation_audit.cli.run_options import RunOptions, read

PLAIN = [
    ["--", "python", "app.py"],
    ["python", "app.py", "--report", "its own"],
    ["--report", "out", "--", "-m", "app"],
    ["--report=out", "--raw-ids", "app.py"],
    ["--fail-on", "error", "--fail-on=blind", "--", "app.py", "--", "more"],
    ["--depth", "state", "--metrics-port", "0", "--config", "no-such.toml", "--", "app.py"],
]

CLICKS = [
    [],
    ["--"],
    ["--help"],
    ["-h"],
    ["--report"],
    ["--report=", "app.py"],
    ["--rep", "out", "app.py"],
    ["--fail-on", "everything", "app.py"],
    ["--depth", "deep", "app.py"],
    ["--metrics-port", "65536", "app.py"],
    ["--metrics-port", "-1", "app.py"],
    ["--raw-ids=yes", "app.py"],
    ["--unknown", "app.py"],
    ["--report", __file__, "app.py"],
]


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_it_is_read_as_click_reads_it(words, monkeypatch):
    asked: list[RunOptions] = []
    monkeypatch.setattr("isolation_audit.cli.supervise.supervise", lambda one: asked.append(one) or 0)
    with pytest.raises(SystemExit):
        command.run.main(words, standalone_mode=False)
    assert read(words) == asked[0]


@pytest.mark.parametrize("words", CLICKS, ids=lambda words: " ".join(words).replace(__file__, "a file") or "nothing")
def test_what_is_not_plain_is_left_to_click(words):
    assert read(words) is None


def test_a_folder_that_exists_and_values_of_their_types(tmp_path):
    asked = read(["--report", str(tmp_path), "--metrics-port", "8080", "--", "app.py"])
    assert asked == RunOptions(("app.py",), report=tmp_path, metrics_port=8080)
    assert read(["--config", "a.toml", "app.py"]).config == Path("a.toml")


def test_every_option_is_clicks_too():
    options = {name for one in command.run.params if isinstance(one, click.Option) for name in one.opts}
    assert options - {"--help", "-h"} == set(command.OPTIONS)
