"""What a good configuration becomes."""

from __future__ import annotations

import datetime as dt
import pickle
import tomllib
from pathlib import Path as FilePath

import pytest

from isolation_audit.config import (
    Ambient,
    Config,
    Deprecation,
    EventName,
    Factory,
    Limits,
    Origin,
    Protocol,
    Root,
    ServiceLevels,
    Shared,
    Target,
    load_config,
    parse_config,
    parse_path,
    parse_value_path,
)
from isolation_audit.exceptions import ConfigError
from isolation_audit.model.rules import Severity

FULL = """
[ambient]
contextvar = "shop.session:visitor"
user_id = "account.id"

[identity]
context_types = ["shop.context:OrderContext", "shop.compat:OrderContext"]
placeholders = ["guest", "nobody_*"]
system = ["cron:*"]
bind = { run_id = "run_id", connection_id = 'meta["socket-id"]' }
id_types = ["str", "uuid"]

[[engines]]
target = "shop.pricing:Pricer"
owner = "args.context.account.id"
exclude = ["shop.pricing:PreviewPricer"]
constructors = ["for_order", "shop.build:pricer_for"]
methods = ["price*"]
requires = ["price", "close"]
cleanup = "close"

[[engines]]
target = "shop.pricing:PreviewPricer"
subclasses = false
optional = true

[[deprecations]]
target = "shop.legacy:Pricer"
replacement = "shop.pricing:Pricer.for_order"
await = true
arguments = { ctx = "context" }
reason = "one instance served every visitor"
deadline = 2027-03-01
constructors = ["_make"]

[[deprecations.origins]]
constructor = "from_row"
replacement = "shop.pricing:Pricer.load"
await = true
arguments = { row = "record" }

[[deprecations]]
target = "shop.legacy.helpers"
replacement = "shop.helpers"

[[factories]]
target = "shop.build:PricerFactory.create"
builds = "shop.pricing:Pricer"
canonical = true

[[emitters]]
target = "shop.push:Pusher"
owner = ["self.visitor", "self.context['visitor']"]
addressee = ["kw.visitor", "run_id:args.run_id", "args[0].visitor", "everyone"]
methods = { "push_*" = "*", push = "args.kind", close = "closed", "send_raw" = { name = "raw.sent" } }
broadcast = ["push_all*"]
public = ["maintenance_*"]
payload = "args.body"
layer = "bridge"

[[emitters]]
target = "shop.push:notify"
event = "args.kind"

[[emitters]]
target = "shop.push:Bell"
methods = ["ring_*", "knock"]

[[scopes]]
target = "shop.checkout:checkout"
user = "args.order.visitor"

[[shared]]
target = "shop.cache:RATES"
policy = "allow"
reason = "exchange rates are the same for everyone"

[[shared]]
target = "shop.cache:BASKETS"

[protocols.checkout]
key = "run_id"
order = "begun (priced | reserved released)* done?"
timeout = "1.5s"

[service_levels]
first_event = "250ms"
cleanup = 3

[audit]
depth = "state"

[report]
directory = "out/isolation"
terminal = false
color = "never"
raw_ids = true

[prometheus]
port = 0
address = "0.0.0.0"

[otlp]
endpoint = "https://collector.example:4318/v1"
protocol = "http/protobuf"
headers = { authorization = "Bearer abc" }
service_name = "shop"
timeout = 5

[journal]
path = "/var/log/isolation.jsonl"

[limits]
findings = 50
stack = 8

[select]
enable = ["IA2*", "IA30[1-3]"]
disable = "IA205"
severity = { IA202 = "warning", "IA3*" = "note" }
"""


@pytest.fixture
def config(tmp_path: FilePath) -> Config:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(FULL)
    return load_config(file)


class TestFullExample:
    def test_identity(self, config: Config) -> None:
        assert config.ambient == Ambient(Target("shop.session", "visitor"), parse_value_path("account.id"))
        assert dict(config.identity.bind)["connection_id"] == parse_value_path('meta["socket-id"]')
        assert config.identity.context_types[1] == Target("shop.compat", "OrderContext")
        assert config.identity.placeholders == ("guest", "nobody_*")
        assert config.identity.system == ("cron:*",)
        assert config.identity.id_types == ("str", "uuid")

    def test_engines(self, config: Config) -> None:
        pricer, preview = config.engines
        assert pricer.owner == (parse_path("args.context.account.id"),)
        assert pricer.constructors == (
            Target("shop.pricing", "Pricer.for_order"),
            Target("shop.build", "pricer_for"),
        )
        assert pricer.exclude == (preview.target,)
        assert (pricer.methods, pricer.requires) == (("price*",), ("price", "close"))
        assert (pricer.cleanup, preview.cleanup) == (("close",), ())
        assert (pricer.subclasses, pricer.optional) == (True, False)
        assert (preview.subclasses, preview.optional, preview.methods) == (False, True, ("[!_]*",))

    def test_service_levels(self, config: Config) -> None:
        assert config.service_levels == ServiceLevels(first_event=0.25, run=None, cleanup=3.0)
        assert Config().service_levels == ServiceLevels()

    def test_deprecations(self, config: Config) -> None:
        assert config.deprecations[0] == Deprecation(
            target=Target("shop.legacy", "Pricer"),
            replacement=Target("shop.pricing", "Pricer.for_order"),
            awaited=True,
            arguments=(("ctx", "context"),),
            reason="one instance served every visitor",
            deadline=dt.date(2027, 3, 1),
            constructors=(Target("shop.legacy", "Pricer._make"), Target("shop.legacy", "Pricer.from_row")),
            origins=(
                Origin(
                    Target("shop.legacy", "Pricer.from_row"),
                    Target("shop.pricing", "Pricer.load"),
                    awaited=True,
                    arguments=(("row", "record"),),
                ),
            ),
        )
        assert config.deprecations[1] == Deprecation(Target("shop.legacy.helpers"), Target("shop.helpers"))

    def test_factories_scopes_and_shared_state(self, config: Config) -> None:
        assert config.factories == (
            Factory(Target("shop.build", "PricerFactory.create"), Target("shop.pricing", "Pricer"), canonical=True),
        )
        assert config.scopes[0].user == (parse_path("args.order.visitor"),)
        assert config.shared == (
            Shared(Target("shop.cache", "RATES"), "allow", "exchange rates are the same for everyone"),
            Shared(Target("shop.cache", "BASKETS")),
        )

    def test_emitters(self, config: Config) -> None:
        pusher, notify, bell = config.emitters
        assert pusher.methods == (
            ("push_*", EventName(strip="push_")),
            ("push", EventName(path=parse_path("args.kind"))),
            ("close", EventName(name="closed")),
            ("send_raw", EventName(name="raw.sent")),
        )
        assert [path.root for path in pusher.addressee][-1] is Root.EVERYONE
        assert pusher.addressee[1].binding == "run_id"
        assert pusher.payload == (parse_path("args.body"),)
        assert (pusher.layer, pusher.broadcast, pusher.public) == ("bridge", ("push_all*",), ("maintenance_*",))
        assert notify.event == EventName(path=parse_path("args.kind"))
        assert bell.methods == (("ring_*", EventName(strip="ring_")), ("knock", EventName()))

    def test_protocols_and_depth(self, config: Config) -> None:
        assert config.protocols == (
            Protocol("checkout", "run_id", "begun (priced | reserved released)* done?", timeout=1.5),
        )
        assert config.audit.depth == "state"

    def test_ways_out(self, config: Config, tmp_path: FilePath) -> None:
        assert config.report.directory == tmp_path / "out/isolation"
        assert (config.report.terminal, config.report.color, config.report.raw_ids) == (False, "never", True)
        assert config.journal.path == FilePath("/var/log/isolation.jsonl")
        assert (config.prometheus.port, config.prometheus.address) == (0, "0.0.0.0")
        assert config.otlp.headers == (("authorization", "Bearer abc"),)
        assert (config.otlp.protocol, config.otlp.timeout, config.otlp.service_name) == ("http/protobuf", 5.0, "shop")
        assert config.limits == Limits(findings=50, stack=8)

    def test_select(self, config: Config) -> None:
        assert config.select.enable == ("IA2*", "IA30[1-3]")
        assert config.select.disable == ("IA205",)
        assert config.select.severity == (("IA202", Severity.WARNING), ("IA3*", Severity.NOTE))

    def test_is_a_value(self, config: Config, tmp_path: FilePath) -> None:
        again = load_config(tmp_path / "isolation-audit.toml")
        assert again == config
        assert hash(again) == hash(config)
        assert pickle.loads(pickle.dumps(config)) == config
        with pytest.raises(AttributeError):
            config.audit = None  # type: ignore[misc, assignment]

    def test_table_and_file_agree(self, config: Config, tmp_path: FilePath) -> None:
        assert parse_config(tomllib.loads(FULL), tmp_path / "isolation-audit.toml") == config


def test_nothing_gives_the_defaults() -> None:
    assert parse_config({}) == Config()


def test_event_of_a_function_by_its_own_name() -> None:
    config = parse_config({"emitters": [{"target": "app:notify", "event": "*"}]})
    assert config.emitters[0].event == EventName()


@pytest.mark.parametrize("key", ["arguments", "selfish", "returned", "kwx"])
def test_a_name_that_only_begins_like_a_path_is_a_name(key: str) -> None:
    config = parse_config({"emitters": [{"target": "app:notify", "event": key}]})
    assert config.emitters[0].event == EventName(name=key)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("60s", 60), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("7ms", 0.007), ("0.5 s", 0.5), (3, 3), (0.25, 0.25)],
)
def test_durations(written: object, seconds: float) -> None:
    config = parse_config({"otlp": {"timeout": written}})
    assert config.otlp.timeout == seconds
    assert isinstance(config.otlp.timeout, float)


@pytest.mark.parametrize(
    "target",
    [
        "app:Engine",
        "app.engine:Engine.run",
        "app.engine:_private",
        "app.engine:Engine._init_from_factory",
        "app.engine:Engine._Engine__build",
        "app.engine:__module_level",
        "app.engine:Outer.Inner.run",
        "app.engine:Middleware.__call__",
        "app.__main__:serve",
        "größe.überall:Motor",
    ],
)
def test_targets_that_are_fine(target: str) -> None:
    assert str(parse_config({"engines": [{"target": target}]}).engines[0].target) == target


@pytest.mark.parametrize("module", ["app.old", "app", "PIL.Image", "app.old:Engine"])
def test_a_module_can_be_deprecated(module: str) -> None:
    assert str(parse_config({"deprecations": [{"target": module}]}).deprecations[0].target) == module


def test_an_engine_may_be_deprecated_and_a_chain_may_end() -> None:
    config = parse_config(
        {
            "engines": [{"target": "app:A"}],
            "deprecations": [
                {"target": "app:A", "replacement": "app:B.create"},
                {"target": "app:B", "replacement": "app:C"},
                {"target": "app:C", "replacement": "app:C.create"},
            ],
        }
    )
    assert len(config.deprecations) == 3


def test_relative_paths_without_a_file_stay_relative() -> None:
    assert parse_config({"report": {"directory": "out"}}).report.directory == FilePath("out")


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: FilePath) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_config({"journal": {"path": "~/j.jsonl"}}, "/etc/audit.toml").journal.path == tmp_path / "j.jsonl"


@pytest.mark.parametrize(("written", "kept"), [("::1", "::1"), ("localhost", "localhost"), ("10.0.0.1", "10.0.0.1")])
def test_addresses(written: str, kept: str) -> None:
    assert parse_config({"prometheus": {"address": written}}).prometheus.address == kept


class TestEnvironment:
    def test_depth_wins_over_the_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: FilePath) -> None:
        monkeypatch.setenv("ISOLATION_AUDIT_DEPTH", "heap")
        file = tmp_path / "audit.toml"
        file.write_text('[audit]\ndepth = "state"\n')
        assert load_config(file).audit.depth == "heap"

    def test_the_store_wins_over_the_file_and_nothing_else_does(self) -> None:
        table = {"bindings": {"store": "redis://one", "age": "5m"}}
        found = parse_config(table, environ={"ISOLATION_AUDIT_STORE": "unix:///run/redis.sock"}).bindings
        assert (found.store, found.age) == ("unix:///run/redis.sock", 300.0)
        with pytest.raises(ConfigError, match=r"^environment: ISOLATION_AUDIT_STORE: is not a redis, ") as caught:
            parse_config(table, environ={"ISOLATION_AUDIT_STORE": "http://:hunter2@a"})
        assert "hunter2" not in str(caught.value)

    def test_an_empty_variable_says_nothing(self) -> None:
        assert parse_config({}, environ={"ISOLATION_AUDIT_DEPTH": ""}).audit.depth == "calls"

    def test_the_table_alone_counts_without_environ(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ISOLATION_AUDIT_DEPTH", "heap")
        assert parse_config({}).audit.depth == "calls"

    def test_a_wrong_depth_is_refused(self) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_config({}, environ={"ISOLATION_AUDIT_DEPTH": "stat"})
        assert caught.value.problems == [
            "environment: ISOLATION_AUDIT_DEPTH: 'stat' is not a depth; did you mean 'state'?"
        ]
