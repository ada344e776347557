"""The documentation is true: links, options, variables and configurations are looked up, the tutorial is run."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from doors import WITHOUT_OTHERS
from isolation_audit import Auditor, pytest_plugin, user_scope
from isolation_audit.cli.commands import cli
from isolation_audit.cli.pages import write_pages
from isolation_audit.config import parse_config

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/*/*.md"), *ROOT.glob("grafana/*.md")])

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """``(line, words after the language, text)`` of each code block of a language."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        words = match["info"].split()
        if words[:1] == [language]:
            yield text.count("\n", 0, match.start()) + 1, words[1:], match["body"]


def prose(page):
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page):
    """The anchors that GitHub gives to the headings of a page."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_resolve(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_configurations_load(page):
    """A block that is no configuration says so after ``toml``, as in ``toml pyproject``."""
    for line, words, body in blocks(page, "toml"):
        table = tomllib.loads(body)
        if words in ([], ["isolation-audit.toml"]):
            try:
                parse_config(table)
            except Exception as error:
                pytest.fail(f"{name(page)}:{line}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_are_python(page):
    for line, _words, body in blocks(page, "python"):
        try:
            ast.parse(body)
        except SyntaxError as error:
            pytest.fail(f"{name(page)}:{line}: {error}")


def test_every_page_is_reachable_from_the_index():
    waiting, seen = [DOCS / "README.md"], set()
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        waiting += [(page.parent / target).resolve() for target in re.findall(r"\]\(([^)\s#:]+\.md)", prose(page))]
    # Alerts link to their runbooks from outside.
    lost = [name(page) for page in DOCS.rglob("*.md") if page not in seen and page.parent.name != "runbooks"]
    assert lost == [], "link them from docs/README.md"


# Command line


def sections():
    """The text of cli.md by the commands that a section's heading names."""
    found = {}
    for part in re.split(r"^## ", (DOCS / "reference" / "cli.md").read_text(encoding="utf-8"), flags=re.MULTILINE):
        heading, _, body = part.partition("\n")
        for title in re.findall(r"`([a-z-]+)`", heading) or [heading.removeprefix("# ").strip()]:
            found[title] = body
    return found


def mentioned(text):
    """Options in the first column of a table."""
    rows = re.findall(r"^\| (`-[^|]*(?:\\\|[^|]*)*)\|", text, re.MULTILINE)
    return {option for row in rows for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row)}


COMMANDS = cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_options_of_commands(command):
    group = cli if command == "" else cli.get_command(click.Context(cli), command)
    text = sections()[command or "Command line and environment"]
    with click.Context(group, help_option_names=[]) as context:
        existing = {option for parameter in group.get_params(context) for option in parameter.opts if option[0] == "-"}
    assert mentioned(text) - {"-h", "--help"} == existing


def test_every_command_has_a_section():
    assert set(COMMANDS) <= set(sections())


def test_options_of_pytest():
    options = set()

    class Group:
        def addoption(self, *names, **_rest):
            options.update(names)

    class Parser:
        def getgroup(self, *_names):
            return Group()

    pytest_plugin.pytest_addoption(Parser())
    assert mentioned(sections()["Options of pytest"]) == options


def test_environment_variables():
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    documented = re.findall(r"^\| `(ISOLATION_AUDIT\w*)`", sections()["Environment variables"], re.MULTILINE)
    assert set(documented) == set(re.findall(r"\bISOLATION_AUDIT(?:_[A-Z]+)*\b", source))


def test_rule_pages_are_the_generated_ones(tmp_path):
    write_pages(tmp_path)
    generated = {page.name: page.read_text(encoding="utf-8") for page in tmp_path.iterdir()}
    committed = {page.name: page.read_text(encoding="utf-8") for page in (DOCS / "rules").iterdir()}
    assert committed == generated, "run `make docs`"


def test_fields_of_the_report(load_app):
    page = (DOCS / "reference" / "report.md").read_text(encoding="utf-8").partition("## An example")[0]
    documented = {}
    for part in page.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        rows = re.findall(r"^\| (`[^|]+) \|", body, re.MULTILINE)
        documented[heading.strip("`[]")] = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    app = load_app("def send(to): pass\n")
    config = f'[[emitters]]\ntarget = "{app.__name__}:send"\naddressee = "args.to"\n'
    with Auditor(parse_config(tomllib.loads(config))) as auditor, user_scope("alice"):
        app.send("bob")
        report = auditor.snapshot()
    assert documented["Top level"] == set(report)
    assert documented["run"] == {*report["run"], "started", "ended"}
    assert documented["targets"] == set(report["targets"][0])
    where_known = {"span_id", "route", "method", "field", "run", "test", "remedy", "diagram", "explanation"}
    assert documented["findings"] == {*report["findings"][0], *where_known}


# Tutorial


def environment():
    kept = {
        variable: value
        for variable, value in os.environ.items()
        # Under CI pytest shortens nothing, and the pages show what a person sees.
        if not variable.startswith(("ISOLATION_AUDIT", "PYTEST", "COV_")) and variable not in ("CI", "BUILD_NUMBER")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": " ".join(WITHOUT_OTHERS)}
    return kept | {"PATH": path, "COLUMNS": "80"} | more


def steady(output):
    """What differs from run to run taken out: times, the folder of the configuration, blanks at line ends."""
    output = re.sub(r"^/\S*/(?=isolation-audit\.toml)", "", output, flags=re.MULTILINE)
    output = re.sub(r"in \d+\.\d+s", "in 0.00s", output)
    return [line.rstrip() for line in output.splitlines()]


def write(folder, words, body):
    """A whole file, or one class of it where the block names one."""
    file = folder / words[0]
    if len(words) == 1:
        file.write_text(body, encoding="utf-8")
        return
    before = file.read_text(encoding="utf-8")
    after = re.sub(rf"^class {words[1]}:.*?(?=\n\n\n)", lambda _: body.rstrip(), before, flags=re.DOTALL | re.MULTILINE)
    assert after != before
    file.write_text(after, encoding="utf-8")


def test_the_tutorial_runs_and_shows_what_it_prints(tmp_path):
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    commands = 0
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split()
        if language in ("python", "toml"):
            write(tmp_path, words, match["body"])
        elif language == "console":
            command, _, shown = match["body"].removeprefix("$ ").partition("\n")
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=250
            )
            assert steady(done.stdout + done.stderr) == steady(shown), command
            commands += 1
    assert commands == 8
