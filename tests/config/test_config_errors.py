"""Bad configurations: each one problem, one line, at the line marked with ``#!``, with its cause and a remedy."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, NamedTuple

import pytest

from isolation_audit.config import load_config, parse_config
from isolation_audit.exceptions import ConfigError

if TYPE_CHECKING:
    from pathlib import Path as FilePath

# ruff: noqa: E501  (a row a case reads better than one broken over seven lines)


class Bad(NamedTuple):
    """``toml`` has one mistake, at the line that ends in ``#!`` (or at its first one)."""

    name: str
    toml: str
    key: str
    cause: str
    remedy: str


def engine(line: str) -> str:
    return f'[[engines]]\ntarget = "app:Fine"\n\n[[engines]]\ntarget = "app:Engine"\n{line}  #!\n'


def target(text: str) -> str:
    return f'[[engines]]\nsubclasses = true\ntarget = "{text}"  #!\n'


def emitter(line: str) -> str:
    bind = '[identity]\nbind = { run_id = "run_id", thread_id = "thread_id" }\n\n'
    return f'{bind}[[emitters]]\ntarget = "app:Emitter"\n{line}  #!\n'


def deprecated(line: str) -> str:
    return f'[[deprecations]]\ntarget = "app:Old"\n{line}  #!\n'


def origin(lines: str, mark: str = "  #!") -> str:
    return f'[[deprecations]]\ntarget = "app:Old"\n\n[[deprecations.origins]]{mark}\n{lines}\n'


def order(text: str) -> str:
    return f'[protocols.run]\nkey = "run_id"\norder = "{text}"  #!\n'


BAD = [
    # unknown and missing keys
    Bad("unknown table", "[[engine]]  #!\n", "engine", "unknown key 'engine'", "did you mean 'engines'?"),
    Bad("stray table", "\n[gnomes]  #!\n", "gnomes", "unknown key 'gnomes'", "choose from 'addressees'"),
    Bad("pyproject style", "[tool.isolation_audit]  #!\n", "tool", "unknown key 'tool'", "[[engines]]"),
    Bad("target misspelt", '[[engines]]\ntagret = "a:B"  #!\n', "engines[0].tagret", "unknown key", "did you mean 'target'?"),
    Bad("key misspelt", engine("subclases = true"), "engines[1].subclases", "unknown key", "did you mean 'subclasses'?"),
    Bad("no target", "[audit]\n\n[[scopes]]  #!\nuser = 'args.u'\n", "scopes[0].target", "is missing", "add target ="),
    Bad("no builds", '[[factories]]  #!\ntarget = "a:f"\n', "factories[0].builds", "is missing", "add builds ="),
    Bad("no key", '[protocols.run]  #!\norder = "a b"\n', "protocols.run.key", "is missing", "add key ="),
    # types
    Bad("one table for a list", '[engines]  #!\ntarget = "a:B"\n', "engines", "expected a list of tables", "[[engines]]"),
    Bad("list for one table", '[[audit]]  #!\ndepth = "calls"\n', "audit", "expected a table, not a list", "[audit]"),
    Bad("entry is text", 'engines = ["app:Engine"]  #!\n', "engines[0]", "expected a table, not text", "[[engines]]"),
    Bad("number for text", "[[engines]]\ntarget = 5  #!\n", "engines[0].target", "not the integer 5", '"app.engine:Engine"'),
    Bad("text for a boolean", engine('optional = "yes"'), "engines[1].optional", "not the text 'yes'", "true"),
    Bad("number for a boolean", engine("optional = 1"), "engines[1].optional", "not the integer 1", "true"),
    Bad("boolean for a number", "[prometheus]\nport = true  #!\n", "prometheus.port", "not the boolean true", "9464"),
    Bad("float for an integer", "[limits]\nusers = 1.5  #!\n", "limits.users", "not the number 1.5", "1000"),
    Bad("item of a list", engine('requires = [\n "run",\n 5,'.replace("5,", "5,  #!\n]#")), "engines[1].requires[1]", "not the integer 5", "cleanup"),
    Bad("empty text", '[[engines]]\ntarget = ""  #!\n', "engines[0].target", "is empty", "app.engine:Engine"),
    Bad("NUL", '[journal]\npath = "a\\u0000b"  #!\n', "journal.path", "NUL", "leave it out"),
    Bad("list twice", engine('requires = ["run", "run"]'), "engines[1].requires[1]", "already", "remove"),
    # targets
    Bad("dot for colon", target("app.engine.Engine"), "engines[0].target", "no colon", "did you mean 'app.engine:Engine'?"),
    Bad("dot for colon, function", target("app.engine.run"), "engines[0].target", "no colon", "'app.engine:run'?"),
    Bad("bare name", target("Engine"), "engines[0].target", "no colon", "app.engine:Engine"),
    Bad("file", target("app/engine.py:X"), "engines[0].target", "is a file", "did you mean 'app.engine:X'?"),
    Bad("file below src", target("./src/app/__init__.py:X"), "engines[0].target", "is a file", "did you mean 'app:X'?"),
    Bad("windows file", target("C:\\\\app\\\\engine.py:X"), "engines[0].target", "is a file", "'app.engine:X'?"),
    Bad("file without name", target("engine.py"), "engines[0].target", "is a file", "did you mean 'engine:NAME'?"),
    Bad("two colons", target("app:Engine:run"), "engines[0].target", "2 colons", "write one"),
    Bad("empty part", target("app..engine:X"), "engines[0].target", "empty part", "app.engine:Engine"),
    Bad("no module", target(":X"), "engines[0].target", "no module", "add it"),
    Bad("no name", target("app:"), "engines[0].target", "no name after", "add it"),
    Bad("hyphen", target("my-app:X"), "engines[0].target", "can't be a Python name", "did you mean 'my_app'?"),
    Bad("keyword", target("app:class"), "engines[0].target", "can't be a Python name", "app.engine:Engine"),
    Bad("blanks", target("app: Engine"), "engines[0].target", "blanks", "write 'app:Engine'"),
    Bad("call", target("app:Engine()"), "engines[0].target", "is a call", "write only the name, 'app:Engine'"),
    Bad("local", target("app:make.<locals>.Engine"), "engines[0].target", "local to a function", "module level"),
    Bad("init", target("app:Engine.__init__"), "engines[0].target", "construction", "name the class, 'app:Engine'"),
    Bad("special", target("app:Engine.__len__"), "engines[0].target", "special method", "name the class, 'app:Engine'"),
    Bad("private", target("app:Engine.__go"), "engines[0].target", "private", "'app:Engine._Engine__go'"),
    Bad("package file", target("app.__init__:Engine"), "engines[0].target", "__init__ file", "'app:Engine'"),
    Bad("module where a class belongs", '[[engines]]\ntarget = "app"  #!\n', "engines[0].target", "no colon", "write it like"),
    Bad("class as module", '[[deprecations]]\ntarget = "app.old.Engine"  #!\n', "deprecations[0].target", "no colon", "'app.old:Engine'?"),
    Bad("excludes itself", engine('exclude = "app:Engine"'), "engines[1].exclude", "the target itself", "subclasses"),
    Bad("constructor", engine('constructors = ["a.b"]'), "engines[1].constructors[0]", "neither", "from_legacy"),
    Bad("method of a module", '[[deprecations]]\ntarget = "app.old"\nconstructors = "make"  #!\n', "deprecations[0].constructors", "method's name", "'app.old:make'"),
    Bad("origin of nothing", origin('replacement = "app.new:E"'), "deprecations[0].origins[0].constructor", "is missing", "from_legacy"),
    Bad("origin without replacement", origin('constructor = "make"'), "deprecations[0].origins[0].replacement", "is missing", "app.engine:Engine.from_config"),
    Bad("origin with a wrong constructor", origin('constructor = "a.b"  #!\nreplacement = "app.new:E"', ""), "deprecations[0].origins[0].constructor", "neither", "from_legacy"),
    Bad("origin that builds the old", origin('constructor = "make"\nreplacement = "app:Old.other"  #!', ""), "deprecations[0].origins[0].replacement", "which is deprecated", "name what should be used"),
    Bad("origin twice", origin('constructor = "make"\nreplacement = "a:E"\n[[deprecations.origins]]\nconstructor = "app:Old.make"  #!\nreplacement = "a:E"', ""), "deprecations[0].origins[1].constructor", "described above already", "remove one"),
    Bad("origin with one name twice", origin('constructor = "make"\nreplacement = "a:E"\narguments = { a = "c", b = "c" }  #!', ""), "deprecations[0].origins[0].arguments", "both become 'c'", "its own name"),
    Bad("origins as names", '[[deprecations]]\ntarget = "app:Old"\norigins = ["make"]  #!\n', "deprecations[0].origins[0]", "expected a table", "[[deprecations.origins]]"),
    Bad("origins as a table", '[[deprecations]]\ntarget = "app:Old"\norigins = { make = 1 }  #!\n', "deprecations[0].origins", "expected a list of tables", "[[deprecations.origins]]"),
    # paths
    Bad("path", engine('owner = "context.user_id"'), "engines[1].owner", "starts with 'context'", "args.context"),
    Bad("second path", engine('owner = ["self.u",\n"self.f()"]'), "engines[1].owner[1]", "can't be read from '()'", "calls and operators"),
    Bad("binding misspelt", emitter('addressee = "runid:args.run_id"'), "emitters[0].addressee", "not declared", "did you mean 'run_id'?"),
    Bad("binding undeclared", emitter('addressee = "room:args.room"'), "emitters[0].addressee", "declared: 'run_id', 'thread_id'", 'add room = "..."'),
    Bad("binding twice", emitter('addressee = "run_id:thread_id:args.t"'), "emitters[0].addressee", "twice", "one binding"),
    Bad("binding in a payload", emitter('payload = "run_id:args.run_id"'), "emitters[0].payload", "looks a user up", "leave out 'run_id:'"),
    Bad("return in an emitter", emitter('owner = "return.user"'), "emitters[0].owner", "only after the call", "args, kw or self"),
    Bad("return in a scope", '[[scopes]]\ntarget = "a:f"\nuser = "return.id"  #!\n', "scopes[0].user", "only after the call", "args"),
    Bad("everyone as owner", emitter('owner = "everyone"'), "emitters[0].owner", "no single user", "addressee"),
    Bad("no user", '[[scopes]]\ntarget = "a:f"\nuser = []  #!\n', "scopes[0].user", "empty list", "args.user_context"),
    Bad("context path from a call", '[identity.bind]\nrun_id = "args.run_id"  #!\n', "identity.bind.run_id", "at hand", "write 'run_id'"),
    Bad("broken context path", '[identity]\nbind = { a = "a", b = "b.c(" }  #!\n', "identity.bind.b", "can't be read", "[KEY]"),
    Bad("reserved binding", '[identity.bind]\nself = "x"  #!\n', "identity.bind.self", "meaning of its own", "another name"),
    Bad("odd binding", '[identity.bind]\n"run id" = "x"  #!\n', "identity.bind.'run id'", "can't name a binding", "run_id"),
    Bad("user_id alone", '[ambient]\nuser_id = "id"  #!\n', "ambient.user_id", "ContextVar", "add contextvar"),
    # events
    Bad("event without args", emitter('event = "message.type"'), "emitters[0].event", "neither a path", "args.message.type"),
    Bad("event from a binding", emitter('event = "run_id:args.x"'), "emitters[0].event", "looks a user up", "leave out"),
    Bad("event table", emitter('event = { nam = "x" }'), "emitters[0].event", "without a single name", "{ name ="),
    Bad("event of blanks", emitter('methods = { "emit_*" = "two words" }'), "emitters[0].methods.'emit_*'", "not an event", '"*"'),
    Bad("methods empty", emitter("methods = {}"), "emitters[0].methods", "no method", "leave it out for all"),
    Bad("method glob", emitter('methods = { "a.b" = "*" }'), "emitters[0].methods.'a.b'", "can't match", "emit_*"),
    Bad("open bracket", emitter('broadcast = "[a"'), "emitters[0].broadcast", "bracket", "close it"),
    Bad("layer", emitter('layer = "emiter"'), "emitters[0].layer", "not a layer", "did you mean 'emitter'?"),
    # deprecations
    Bad("deadline in quotes", deprecated('deadline = "2027-01-01"'), "deprecations[0].deadline", "expected a date, not the text", "no quotes"),
    Bad("deadline with time", deprecated("deadline = 2027-01-01T00:00:00"), "deprecations[0].deadline", "not the time", "no time"),
    Bad("await alone", deprecated("await = true"), "deprecations[0].await", "none is named", "add replacement"),
    Bad("argument", deprecated('replacement = "a:B"\narguments = { a = "b.c" }'), "deprecations[0].arguments.a", "not a parameter", "Python name"),
    Bad("arguments collide", deprecated('replacement = "a:B"\narguments = { a = "c", b = "c" }'), "deprecations[0].arguments", "both become 'c'", "own name"),
    Bad("replaces itself", deprecated('replacement = "app:Old"'), "deprecations[0].replacement", "replace itself", "instead"),
    Bad("replacement is a module", deprecated('replacement = "app.new"'), "deprecations[0].replacement", "no colon", "'app:new'?"),
    Bad(
        "circle",
        '[[deprecations]]\ntarget = "a:A"\nreplacement = "a:B.create"\n\n'
        '[[deprecations]]\ntarget = "a:B"\nreplacement = "a:C"\n\n'
        '[[deprecations]]\ntarget = "a:C"\nreplacement = "a:A"  #!\n',
        "deprecations[2].replacement",
        "'a:A' -> 'a:B' -> 'a:C' -> 'a:A'",
        "kept",
    ),
    Bad("same target", '[[engines]]\ntarget = "a:B"\n\n[[engines]]\ntarget = "a:B"  #!\n', "engines[1].target", "here and in line 2", "merge"),
    # the rest
    Bad("allow without reason", '[[shared]]\ntarget = "a:B"\npolicy = "allow"  #!\n', "shared[0].policy", "needs a reason", "add reason"),
    Bad("silences all", '[identity]\nsystem = ["a", "*"]  #!\n', "identity.system[1]", "every user", "name the users"),
    Bad("id type", '[identity]\nid_types = ["string"]  #!\n', "identity.id_types[0]", "not a type of id", "did you mean 'str'?"),
    Bad("order opened", order("a (b c"), "protocols.run.order", "column 3: this ( is never closed", "write it like"),
    Bad("order closed", order("a b) c"), "protocols.run.order", "column 4: ')' closes nothing", "write it like"),
    Bad("order character", order("a & b"), "protocols.run.order", "column 3: '&' is neither an event nor", "write it like"),
    Bad("order operator", order("* a"), "protocols.run.order", "column 1: an event or ( is expected", "write it like"),
    Bad("order alternative", order("a |"), "protocols.run.order", "column 4: an event or ( is expected", "write it like"),
    Bad("timeout", '[protocols.run]\nkey = "r"\norder = "a"\ntimeout = "1 minute"  #!\n', "protocols.run.timeout", "not a duration", '"2m"'),
    Bad("protocol is text", '[protocols]\nrun = "a b"  #!\n', "protocols.run", "expected a table", "{ ... }"),
    Bad("depth", '[audit]\ndepth = "head"  #!\n', "audit.depth", "not a depth", "did you mean 'heap'?"),
    Bad("color", '[report]\ncolor = "pink"  #!\n', "report.color", "not a color mode", "'auto', 'always', 'never'"),
    Bad("port", "[prometheus]\nport = 70000  #!\n", "prometheus.port", "out of range", "0 to 65535"),
    Bad("address with port", '[prometheus]\naddress = "0.0.0.0:9464"  #!\n', "prometheus.address", "more than an address", "port = 9464"),
    Bad("address", '[prometheus]\naddress = "my host"  #!\n', "prometheus.address", "neither", "127.0.0.1"),
    Bad("endpoint scheme", '[otlp]\nendpoint = "localhost:4317"  #!\n', "otlp.endpoint", "not an http or https", "http://localhost:4317"),
    Bad("endpoint host", '[otlp]\nendpoint = "http://:4317"  #!\n', "otlp.endpoint", "with a host", "http://localhost"),
    Bad("endpoint port", '[otlp]\nendpoint = "http://a:99999"  #!\n', "otlp.endpoint", "not a URL", "http://localhost"),
    Bad("store scheme", '[bindings]\nstore = "http://:pw8Zq@a"  #!\n', "bindings.store", "not a redis, rediss", "redis://127"),
    Bad("store host", '[bindings]\nstore = "redis://"  #!\n', "bindings.store", "of a Redis database", "redis://127"),
    Bad("store database", '[bindings]\nstore = "redis://a/x"  #!\n', "bindings.store", "of a Redis database", "redis://127"),
    Bad("store port", '[bindings]\nstore = "redis://:pw8Zq@a:x"  #!\n', "bindings.store", "of a Redis database", "redis://127"),
    Bad("age", '[bindings]\nage = "soon"  #!\n', "bindings.age", "not a duration", "500ms"),
    Bad("protocol", '[otlp]\nprotocol = "http"  #!\n', "otlp.protocol", "not a protocol", "did you mean 'http/protobuf'?"),
    Bad("header", '[otlp.headers]\n"a b" = "c"  #!\n', "otlp.headers.'a b'", "can't name a header", "hyphens"),
    Bad("header value", '[otlp.headers]\na = "b\\nc"  #!\n', "otlp.headers.a", "can't carry", "one line"),
    Bad("level misspelt", '[service_levels]\nfirst_evnt = "2s"  #!\n', "service_levels.first_evnt", "unknown key", "did you mean 'first_event'?"),
    Bad("level without unit", '[service_levels]\nrun = "2"  #!\n', "service_levels.run", "not a duration", '"500ms"'),
    Bad("level is a boolean", "[service_levels]\nrun = true  #!\n", "service_levels.run", "not the boolean true", '"2s"'),
    Bad("nothing cleans up", '[service_levels]\ncleanup = "1s"  #!\n', "service_levels.cleanup", "limits nothing", 'cleanup = ["cleanup"]'),
    Bad("cleanup is a path", engine('cleanup = "self.close"'), "engines[1].cleanup", "not a method's name", "such as cleanup"),
    Bad("zero duration", '[otlp]\ntimeout = "0s"  #!\n', "otlp.timeout", "no usable", "more than zero"),
    Bad("infinite duration", "[otlp]\ntimeout = inf  #!\n", "otlp.timeout", "no usable", "more than zero"),
    Bad("not a number", "[otlp]\ntimeout = nan  #!\n", "otlp.timeout", "no usable", "more than zero"),
    Bad("zero limit", "[limits]\nstack = 0  #!\n", "limits.stack", "the integer 0 is out of range", "1 to"),
    Bad("negative limit", "[limits]\nfaults = -1  #!\n", "limits.faults", "out of range", "1 to"),
    Bad("huge limit", f"[limits]\nusers = 0x{'f' * 9000}  #!\n", "limits.users", "a huge integer", "1 to"),
    Bad("unknown limit", "[limits]\nfinding = 5  #!\n", "limits.finding", "unknown key", "did you mean 'findings'?"),
    Bad("rule in small letters", '[select]\ndisable = ["ia101"]  #!\n', "select.disable[0]", "not a rule", "did you mean 'IA101'?"),
    Bad("rule of another tool", '[select]\nenable = ["E501"]  #!\n', "select.enable[0]", "matches no rule", '"IA201"'),
    Bad("rule too long", '[select]\nenable = "IA2010"  #!\n', "select.enable", "matches no rule", '"IA201"'),
    Bad("severity", '[select]\nseverity = { IA101 = "warn" }  #!\n', "select.severity.IA101", "not a severity", "did you mean 'warning'?"),
    Bad("severity of nothing", '[select.severity]\nXX1 = "note"  #!\n', "select.severity.XX1", "matches no rule", '"IA2*"'),
]  # fmt: skip


def marked_line(toml: str) -> int:
    return next(number for number, line in enumerate(toml.splitlines(), start=1) if "#!" in line)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_one_mistake_one_line(bad: Bad, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "isolation-audit.toml"
    file.write_text(bad.toml)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    (problem,) = caught.value.problems
    assert problem.isprintable()
    assert problem.startswith(f"isolation-audit.toml:{marked_line(bad.toml)}: {bad.key}: ")
    cause, semicolon, remedy = problem.partition("; ")
    assert semicolon
    assert bad.cause in cause
    assert bad.remedy in remedy


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_without_a_text_there_is_a_key_and_no_line(bad: Bad) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(tomllib.loads(bad.toml))
    (problem,) = caught.value.problems
    assert problem.startswith(f"configuration: {bad.key}: ")


@pytest.mark.parametrize("bad", BAD[:60:6], ids=lambda bad: bad.name)
def test_in_a_pyproject_lines_count_from_the_top(bad: Bad, tmp_path: FilePath) -> None:
    if bad.name == "pyproject style":
        return
    lines = bad.toml.replace("[[", "[[tool.isolation_audit.").splitlines()
    lines = [line.replace("[", "[tool.isolation_audit.", 1) if line[:1] == "[" != line[1:2] else line for line in lines]
    toml = "\n".join(['[project]\nname = "x"\n', *lines])
    file = tmp_path / "pyproject.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{file}:{marked_line(toml)}: {bad.key}: ")


def test_all_problems_at_once_in_the_order_of_the_file(tmp_path: FilePath) -> None:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(
        '[limits]\nusers = 0\n\n[[scopes]]\nuser = "args.u"\n\n[[engines]]\ntarget = "x"\nowner = "y"\n\n[audit]\ndepth = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    places = [problem.removeprefix(str(file)).split(": ")[:2] for problem in caught.value.problems]
    assert places == [
        [":2", "limits.users"],
        [":4", "scopes[0].target"],
        [":8", "engines[0].target"],
        [":9", "engines[0].owner"],
        [":12", "audit.depth"],
    ]
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_a_wrong_target_brings_no_second_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"engines": [{"target": 5, "constructors": ["make"]}, {"target": 5}]})
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["engines[0].target", "engines[1].target"]


def test_a_wrong_binding_still_counts_as_declared() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"identity": {"bind": {"r": 5}}, "scopes": [{"target": "a:f", "user": "r:args.r"}]})
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["identity.bind.r"]


@pytest.mark.parametrize(
    "table",
    [
        {"otlp": {"headers": "authorization=hunter2"}},
        {"otlp": {"headers": {"a": ["hunter2"]}}},
        {"otlp": {"headers": {"a": "hunter2\n"}}},
        {"otlp": {"endpoint": "ftp://me:hunter2@host"}},
        {"otlp": {"endpoint": "http://me:hunter2@host:99999"}},
        {"bindings": {"store": "redis//:hunter2@host"}},
        {"bindings": {"store": "http://:hunter2@host"}},
        {"bindings": {"store": "redis://:hunter2@host:99999"}},
        {"bindings": {"store": "redis://:hunter2@host/ 0"}},
    ],
)
def test_secrets_stay_out_of_messages(table: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(table)
    assert "hunter2" not in str(caught.value)


def test_two_circles_are_two_problems_and_a_tail_is_none() -> None:
    pairs = [("a:A", "a:B"), ("a:B", "a:A"), ("a:X", "a:A"), ("b:A", "b:B"), ("b:B", "b:A.make")]
    with pytest.raises(ConfigError) as caught:
        parse_config({"deprecations": [{"target": old, "replacement": new} for old, new in pairs]})
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "deprecations[1].replacement",
        "deprecations[4].replacement",
    ]


def test_what_is_not_a_table_is_refused() -> None:
    for table in ([], None, 5, "text"):
        with pytest.raises(ConfigError, match="expected a table"):
            parse_config(table)  # type: ignore[arg-type]


def test_keys_that_toml_cannot_have() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({5: 1, "identity": {"bind": {None: "x"}}, "protocols": {("a",): {}}})  # type: ignore[dict-item]
    assert len(caught.value.problems) == 3
