"""From TOML tables to the model: one function a table, each naming its keys and their kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from isolation_audit.config import kinds
from isolation_audit.config.extraction import BINDING, VALUE_PATH, Extraction, literal_prefix
from isolation_audit.config.kinds import BOOLEAN, TEXT, Kind
from isolation_audit.config.model import (
    Addressees,
    Ambient,
    Audit,
    Bindings,
    Config,
    CurrentUser,
    Deprecation,
    Emitter,
    Engine,
    EventName,
    Factory,
    Holder,
    Identity,
    Integrations,
    Limits,
    Origin,
    Protocol,
    Responses,
    Rooms,
    Scan,
    Scope,
    Select,
    ServiceLevels,
    Shared,
    Singleton,
    State,
    Target,
    Watch,
)
from isolation_audit.config.outputs import Exporter, Journal, Otlp, Prometheus, Report
from isolation_audit.config.targets import MODULE_OR_TARGET, TARGET, constructor_of
from isolation_audit.model.rules import Severity
from isolation_audit.model.user_sources import SOURCES

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from isolation_audit.config.table import Table

_NOWHERE = Target("")  # stands in for a target that is missing or wrong


def build_config(top: Table, source: FilePath | None) -> Config:
    """Read every table; ``source`` is the file they come from."""
    folder = source.absolute().parent if source else None
    # The names count as declared even when their paths are wrong: one mistake, one problem.
    bindings = top.words("identity", "bind")
    read = _Roles(Extraction(bindings, top.words("rooms")))
    return Config(
        source=source.absolute() if source else None,
        ambient=top.section("ambient", _ambient),
        identity=top.section("identity", _identity),
        bindings=top.section("bindings", _bindings),
        engines=top.entries("engines", read.engine),
        deprecations=top.entries("deprecations", read.deprecation),
        factories=top.entries("factories", _factory),
        singletons=top.entries("singletons", _singleton),
        emitters=top.entries("emitters", read.emitter),
        rooms=top.named("rooms", read.rooms),
        scopes=top.entries("scopes", read.scope),
        users=top.entries("users", _current_user),
        shared=top.entries("shared", _shared),
        protocols=top.named("protocols", _protocol),
        service_levels=top.section("service_levels", _service_levels),
        watch=top.section("watch", _watch),
        responses=top.section("responses", _responses),
        addressees=top.section("addressees", _addressees),
        integrations=top.section("integrations", _integrations),
        scan=top.section("scan", lambda table: _scan(table, folder)),
        audit=top.section("audit", _audit),
        state=top.section("state", _state),
        report=top.section("report", lambda table: _report(table, folder)),
        prometheus=top.section("prometheus", _prometheus),
        otlp=top.section("otlp", _otlp),
        journal=top.section("journal", lambda table: Journal(table.one("path", kinds.file_path(folder), None))),
        exporters=top.named("exporters", _exporter),
        limits=top.section("limits", _limits),
        select=top.section("select", _select),
    )


def _ambient(table: Table) -> Ambient:
    if "user_id" in table and "contextvar" not in table:
        table.complain("user_id", "starts at the value of a ContextVar, and none is named", "add contextvar = ...")
    return Ambient(
        contextvar=table.one("contextvar", replace(TARGET, example='"app.auth:current_user"'), None),
        user_id=table.one("user_id", VALUE_PATH, None),
        holders=table.entries("holders", _holder),
    )


def _holder(table: Table) -> Holder:
    return Holder(
        target=table.need("target", replace(TARGET, example='"app.auth:local"'), _NOWHERE),
        user_id=table.one("user_id", VALUE_PATH, None),
    )


def _identity(table: Table) -> Identity:
    detect = table.many("detect", kinds.choice("a source of users", *SOURCES))
    return Identity(
        context_types=table.many("context_types", TARGET),
        placeholders=table.many("placeholders", kinds.PRINCIPAL_GLOB),
        system=table.many("system", kinds.PRINCIPAL_GLOB),
        bind=table.pairs("bind", BINDING, lambda _: VALUE_PATH),
        id_types=table.many("id_types", kinds.choice("a type of id", "str", "int", "uuid"), Identity().id_types),
        detect=detect if "detect" in table else None,
        headers=table.many("headers", kinds.HEADER, Identity().headers),
        claims=table.many("claims", replace(kinds.FIELD, noun="a claim's name", example='"sub"'), Identity().claims),
    )


def _bindings(table: Table) -> Bindings:
    default = Bindings()
    return Bindings(
        store=table.one("store", kinds.STORE, None),
        prefix=table.one("prefix", TEXT, default.prefix),
        age=table.one("age", replace(kinds.DURATION, example='"1h"'), default.age),
        timeout=table.one("timeout", kinds.DURATION, default.timeout),
    )


class _Roles:
    """The tables that read paths, and so must know the bindings that are declared."""

    def __init__(self, paths: Extraction) -> None:
        self._paths = paths

    def engine(self, table: Table) -> Engine:
        target = table.need("target", TARGET, _NOWHERE)
        default = Engine(target)
        return Engine(
            target=target,
            owner=table.many("owner", self._paths.made),
            subclasses=table.one("subclasses", BOOLEAN, default.subclasses),
            exclude=_exclude(table, target),
            optional=table.one("optional", BOOLEAN, default.optional),
            constructors=table.many("constructors", constructor_of(target)),
            methods=table.many("methods", kinds.METHOD_GLOB, default.methods),
            requires=table.many("requires", kinds.METHOD),
            cleanup=table.many("cleanup", kinds.METHOD),
        )

    def deprecation(self, table: Table) -> Deprecation:
        target = table.need("target", MODULE_OR_TARGET, _NOWHERE)
        default = Deprecation(target)
        for key in ("await", "arguments"):
            if key in table and "replacement" not in table:
                table.complain(key, "says how to call a replacement, and none is named", "add replacement = ...")
        constructors = table.many("constructors", constructor_of(target))
        origins = table.entries("origins", lambda inner: _origin(inner, target))
        return Deprecation(
            target=target,
            replacement=table.one("replacement", TARGET if target.qualname else MODULE_OR_TARGET, None),
            awaited=table.one("await", BOOLEAN, default.awaited),
            arguments=_arguments(table),
            reason=table.one("reason", TEXT, default.reason),
            deadline=table.one("deadline", kinds.DATE, None),
            owner=table.many("owner", self._paths.made),
            subclasses=table.one("subclasses", BOOLEAN, default.subclasses),
            exclude=_exclude(table, target),
            optional=table.one("optional", BOOLEAN, default.optional),
            constructors=tuple(dict.fromkeys([*constructors, *(origin.constructor for origin in origins)])),
            origins=origins,
            files=table.many("files", kinds.FILE_GLOB),
        )

    def emitter(self, table: Table) -> Emitter:
        target = table.need("target", TARGET, _NOWHERE)
        default = Emitter(target)
        return Emitter(
            target=target,
            owner=table.many("owner", self._paths.called),
            addressee=table.many("addressee", self._paths.addressed),
            methods=self._methods(table, default),
            event=table.one("event", self._paths.event(), default.event),
            broadcast=table.many("broadcast", kinds.METHOD_GLOB),
            public=table.many("public", kinds.GLOB),
            rooms=table.one("rooms", kinds.choice("a kind of room", "joined", "shared", "personal"), default.rooms),
            payload=table.many("payload", self._paths.content),
            mentions=table.many("mentions", kinds.FIELD),
            run=table.many("run", self._paths.content),
            sequence=table.many("sequence", self._paths.content),
            pair=table.many("pair", self._paths.content),
            undelivered=table.many("undelivered", kinds.choice("a result", "false", "none")),
            layer=table.one("layer", kinds.choice("a layer", "emitter", "bridge", "sink"), default.layer),
            subclasses=table.one("subclasses", BOOLEAN, default.subclasses),
            exclude=_exclude(table, target),
            optional=table.one("optional", BOOLEAN, default.optional),
        )

    def _methods(self, table: Table, default: Emitter) -> tuple[tuple[str, EventName], ...]:
        if table.holds("methods", str, list, tuple):
            globs = table.need_many("methods", kinds.METHOD_GLOB)
            return tuple((glob, EventName(strip=literal_prefix(glob))) for glob in globs)
        if table.holds("methods", Mapping) and table.is_empty("methods"):
            table.complain("methods", "names no method", 'write it like { "emit_*" = "*" }, or leave it out for all')

        def event_of(glob: str) -> Kind[EventName]:
            return self._paths.event(literal_prefix(glob))

        return table.pairs("methods", kinds.METHOD_GLOB, event_of, default.methods)

    def rooms(self, table: Table) -> Rooms:
        name = str(table.place[-1])
        if name in self._paths.bindings:
            table.complain("room", f"{name!r} is a binding already", "choose another name for the rooms")
        return Rooms(
            name=name,
            join=table.need("join", TARGET, _NOWHERE),
            room=table.need_many("room", self._paths.content),
            member=table.need_many("member", self._paths.called),
            leave=table.many("leave", TARGET),
            optional=table.one("optional", BOOLEAN, False),
        )

    def scope(self, table: Table) -> Scope:
        return Scope(
            target=table.need("target", TARGET, _NOWHERE),
            user=table.need_many("user", self._paths.called),
            optional=table.one("optional", BOOLEAN, False),
        )


def _origin(table: Table, owner: Target) -> Origin:
    return Origin(
        constructor=table.need("constructor", constructor_of(owner), _NOWHERE),
        replacement=table.need("replacement", replace(TARGET, example='"app.engine:Engine.from_config"'), _NOWHERE),
        awaited=table.one("await", BOOLEAN, False),
        arguments=_arguments(table),
    )


def _factory(table: Table) -> Factory:
    return Factory(
        target=table.need("target", replace(TARGET, example='"app.factory:create_engine"'), _NOWHERE),
        builds=table.need("builds", TARGET, _NOWHERE),
        canonical=table.one("canonical", BOOLEAN, False),
        optional=table.one("optional", BOOLEAN, False),
    )


def _singleton(table: Table) -> Singleton:
    return Singleton(
        target=table.need("target", replace(TARGET, example='"app.registry:Registry"'), _NOWHERE),
        subclasses=table.one("subclasses", BOOLEAN, True),
        optional=table.one("optional", BOOLEAN, False),
    )


def _current_user(table: Table) -> CurrentUser:
    return CurrentUser(
        target=table.need("target", replace(TARGET, example='"app.deps:get_current_user"'), _NOWHERE),
        user_id=table.one("user_id", VALUE_PATH, None),
        optional=table.one("optional", BOOLEAN, False),
    )


def _shared(table: Table) -> Shared:
    shared = Shared(
        target=table.need("target", replace(TARGET, example='"app.registry:REGISTRY"'), _NOWHERE),
        policy=table.one("policy", kinds.choice("a policy", "guard", "allow"), "guard"),
        reason=table.one("reason", TEXT, ""),
    )
    if shared.policy == "allow" and "reason" not in table:
        table.complain("policy", "'allow' needs a reason", 'add reason = "why users may share it"')
    return shared


def _protocol(table: Table) -> Protocol:
    name = str(table.place[-1])
    return Protocol(
        name=name,
        key=table.need("key", kinds.name("the name of an id", "run_id"), ""),
        order=table.need("order", kinds.ORDER, ""),
        timeout=table.one("timeout", kinds.DURATION, Protocol(name, "", "").timeout),
    )


def _service_levels(table: Table) -> ServiceLevels:
    limit = replace(kinds.DURATION, example='"2s"')
    return ServiceLevels(**{field.name: table.one(field.name, limit, None) for field in fields(ServiceLevels)})


def _watch(table: Table) -> Watch:
    return Watch(**{mechanism.name: table.one(mechanism.name, BOOLEAN, True) for mechanism in fields(Watch)})


def _responses(table: Table) -> Responses:
    return Responses(mentions=table.many("mentions", kinds.FIELD), paths=table.many("paths", kinds.GLOB))


def _addressees(table: Table) -> Addressees:
    return Addressees(public=table.many("public", kinds.GLOB), shared=table.many("shared", kinds.GLOB))


def _integrations(table: Table) -> Integrations:
    return Integrations(disable=table.many("disable", kinds.name("the name of an integration", "starlette")))


def _scan(table: Table, folder: FilePath | None) -> Scan:
    return Scan(
        roots=table.many("roots", kinds.file_path(folder)),
        exclude=table.many("exclude", kinds.FILE_GLOB),
        phases=table.pairs("phases", kinds.PHASE, lambda _: kinds.FILE_GLOBS),
        registry=table.one("registry", kinds.file_path(folder), None),
    )


def _audit(table: Table) -> Audit:
    return Audit(depth=table.one("depth", kinds.DEPTH, Audit().depth))


def _state(table: Table) -> State:
    return State(packages=table.many("packages", kinds.PACKAGE))


def _report(table: Table, folder: FilePath | None) -> Report:
    default = Report()
    return Report(
        directory=table.one("directory", kinds.file_path(folder), None),
        terminal=table.one("terminal", BOOLEAN, default.terminal),
        color=table.one("color", kinds.choice("a color mode", "auto", "always", "never"), default.color),
        raw_ids=table.one("raw_ids", BOOLEAN, default.raw_ids),
    )


def _prometheus(table: Table) -> Prometheus:
    return Prometheus(
        port=table.one("port", kinds.PORT, None), address=table.one("address", kinds.ADDRESS, Prometheus().address)
    )


def _otlp(table: Table) -> Otlp:
    default = Otlp()
    return Otlp(
        endpoint=table.one("endpoint", kinds.URL, None),
        protocol=table.one("protocol", kinds.choice("a protocol", "grpc", "http/protobuf"), default.protocol),
        headers=table.pairs("headers", kinds.HEADER, lambda _: kinds.HEADER_VALUE),
        service_name=table.one("service_name", TEXT, None),
        timeout=table.one("timeout", kinds.DURATION, default.timeout),
    )


def _exporter(table: Table) -> Exporter:
    return Exporter(str(table.place[-1]), table.rest(kinds.PLAIN))


def _limits(table: Table) -> Limits:
    default = Limits()
    counts = [limit.name for limit in fields(Limits) if limit.name != "grace"]
    return Limits(
        **{name: table.one(name, kinds.COUNT, getattr(default, name)) for name in counts},
        grace=table.one("grace", kinds.DURATION, default.grace),
    )


def _select(table: Table) -> Select:
    default = Select()
    severity = kinds.choice("a severity", *map(str, Severity))
    return Select(
        enable=table.many("enable", kinds.CODE, default.enable),
        disable=table.many("disable", kinds.CODE, default.disable),
        severity=tuple(
            (code, Severity(word)) for code, word in table.pairs("severity", kinds.CODE, lambda _: severity)
        ),
    )


def _exclude(table: Table, target: Target) -> tuple[Target, ...]:
    exclude = table.many("exclude", TARGET)
    if target in exclude and target != _NOWHERE:
        table.complain("exclude", f"leaves out '{target}', the target itself", "name subclasses, or remove the entry")
    return exclude


def _arguments(table: Table) -> tuple[tuple[str, str], ...]:
    pairs = table.pairs("arguments", kinds.PARAMETER, lambda _: kinds.PARAMETER_OR_NONE)
    taken: dict[str, str] = {}
    for old, new in pairs:
        if new and new in taken:
            table.complain("arguments", f"{taken[new]!r} and {old!r} both become {new!r}", "give each its own name")
        taken[new] = old
    return pairs
