"""The figures of a report's summary, each declared once: what it means, how several processes' are joined, its metric.

The report, ``/metrics`` and the reference pages are made from this list. The auditor fills the figures in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.tracking.layers import LAYERS
from isolation_audit.model.sources import AMBIENT, SCOPES
from isolation_audit.model.user_sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from isolation_audit.config.model import Config

EVENTS_AND_ENGINES: Final = "the audit"
COVERAGE: Final = "coverage"
SELF: Final = "the auditor itself"

TABLES: Final = ("users", "bindings", "names", "credentials", "findings", "runs")
"""Bounded tables, as ``[limits]`` caps them."""
EVICTING: Final = ("users", "bindings", "names", "credentials", "scopes", "runs", "cache_entries")
"""Those that let their oldest entry go for a new one."""
QUEUES: Final = ("findings", "scopes")
SIDES: Final = ("sender", "receiver")
COMPONENTS: Final = ("drainer", "report", "journal", "terminal", "otlp", "prometheus")
"""What has a thread of its own: the drainer, and each way out."""
EXPORTERS: Final = ("journal", "otlp")
CROSSING_RULES: Final = ("IA201", "IA202", "IA203", "IA205")
"""Those that count deliveries to a user whom they were not for."""


def asked_sources(config: Config) -> tuple[str, ...]:
    """The sources of users that are asked, the application's own words first."""
    own = [AMBIENT] if config.ambient.contextvar is not None or config.ambient.holders else []
    own += [SCOPES] if config.scopes else []
    detect = config.identity.detect
    return (*own, *(source for source in SOURCES if detect is None or source in detect))


@dataclass(frozen=True, slots=True)
class Series:
    """How ``/metrics`` shows a figure: ``label`` tells the parts of one that is an object, ``values`` those at 0."""

    name: str
    group: str
    label: str = ""
    values: tuple[str, ...] | Callable[[Config], Iterable[str]] = ()
    kind: Literal["counter", "gauge"] = "counter"

    def zeros(self, config: Config) -> Iterable[str]:
        """The values of the label that are shown whether or not anything has happened."""
        return self.values(config) if callable(self.values) else self.values


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. ``key`` leads to it in the summary; ``*`` stands for each key of an object.

    ``meaning`` is one line of Markdown; its links start at docs/reference.
    """

    key: str
    meaning: str
    kind: Literal["integer", "number", "object"] = "integer"
    highest: bool = False
    """Of several processes the highest counts, not the sum: at least so many at once, in one of them."""
    series: Series | None = None

    def read(self, summary: Mapping[str, Any]) -> Any:
        """The figure in ``summary``; by key for an object, also where ``*`` is on the way; 0 or empty without it."""
        first, star, last = self.key.partition(".*.")
        if star:
            return {key: inner.get(last, 0) for key, inner in summary.get(first, {}).items()}
        found: Any = summary
        for part in self.key.split("."):
            found = found.get(part, {})
        return found or ({} if self.kind == "object" else 0)


FIGURES: Final = (
    Figure("events_total", "distinct events; one that passes several layers counts once"),
    Figure(
        "events_by_layer",
        "events, each once, by the layer at which it was first seen",
        "object",
        series=Series("events", EVENTS_AND_ENGINES, "layer", LAYERS),
    ),
    Figure(
        "events_unverified",
        "events whose only known witness had nothing to be compared with",
        series=Series("events_unverified", EVENTS_AND_ENGINES),
    ),
    Figure(
        "events_undelivered",
        "events of which a layer said, or hid, that they did not arrive (`IA306`); 0 without `[protocols]`",
        series=Series("events_undelivered", EVENTS_AND_ENGINES),
    ),
    Figure(
        "events_delivered",
        "the others whose delivery is followed; 0 without `[protocols]`. The delivery rate is their share of both",
        series=Series("events_delivered", EVENTS_AND_ENGINES),
    ),
    Figure(
        "users_with_events",
        "users to whom events belonged, up to 10,000 of a process; of several processes the highest",
        highest=True,
        series=Series("users_with_events", EVENTS_AND_ENGINES, kind="gauge"),
    ),
    Figure(
        "events_by_user",
        "for the 50 users with the most undelivered events, then with the most events, by pseudonym: `events` and"
        " `undelivered`. Of the latest 10,000 users of a process; one who had been forgotten and comes again is counted"
        " from 0. No metric has them",
        "object",
    ),
    Figure(
        "crossing_events",
        "deliveries of an event, a response or a result to a user it was not for; one that two rules see at different"
        " places, as IA203 and IA202 do where a message for the wrong connection holds a secret, counts for each",
        series=Series("crossing_events", EVENTS_AND_ENGINES),
    ),
    Figure(
        "crossings_by_rule",
        "`crossing_events` by the rule that has seen each",
        "object",
        series=Series("crossings", EVENTS_AND_ENGINES, "rule", CROSSING_RULES),
    ),
    Figure(
        "users_affected",
        "users in findings of severity error: `sender`, whose data, object or event met another user, and `receiver`,"
        " whom it met. Each user counts once, up to 10,000 of a process. Of several processes the highest counts: at"
        " least so many",
        "object",
        highest=True,
        series=Series("users_affected", EVENTS_AND_ENGINES, "side", SIDES, kind="gauge"),
    ),
    Figure(
        "payloads_truncated",
        "payloads that were not searched to their end, because they are too large or compressed (`IA203`)",
        series=Series("payloads_truncated", EVENTS_AND_ENGINES),
    ),
    Figure(
        "exits",
        "by method and route, what was [decided](../explanation/provenance.md#how-a-name-is-judged) of exits that named"
        " another user than their own, and how often: `explained`, `beside`, `code`, `queried`, `public`, `listed`,"
        " `shared_with`, `written`, `handed`, `incomplete`, `before`, `framed`, `misdirected`, `laundered`, `memory`;"
        " 2,000 pairs are counted. Read it with [`why-not`](cli.md#why-not)",
        "object",
    ),
    Figure("engines_built", "objects of `[[engines]]`"),
    Figure(
        "engines_built_by_target",
        "engines built, by configured engine",
        "object",
        series=Series("engines_built", EVENTS_AND_ENGINES, "target", lambda c: (str(one.target) for one in c.engines)),
    ),
    Figure("deprecated_engines_built", "objects of `[[deprecations]]`"),
    Figure(
        "deprecated_engines_built_by_target",
        "deprecated engines built, by configured deprecation",
        "object",
        series=Series(
            "deprecated_engines_built",
            EVENTS_AND_ENGINES,
            "target",
            lambda c: (str(one.target) for one in c.deprecations),
        ),
    ),
    Figure("scopes", "ended stretches of work for one user", series=Series("scopes", EVENTS_AND_ENGINES)),
    Figure(
        "requests",
        "requests and connections whose beginning an [integration](integrations.md) saw, where users are"
        " [looked for](users.md)",
    ),
    Figure("requests_named", "those of them whose user became known"),
    Figure(
        "users_by_source",
        "for each [source of users](users.md#sources) that is asked: the requests whose user it has told. For `scopes`,"
        " scopes outside of requests count as well. 0: asked, and never told anybody",
        "object",
        series=Series("users_told", COVERAGE, "source", asked_sources),
    ),
    Figure(
        "ambient_told",
        "1 where the variable of `[ambient]` has named a user at least once, in a request or outside of them",
        highest=True,
    ),
    Figure(
        "credentials_shared",
        "sessions, tokens and keys with which [several users](users.md#credentials) have come: they tell nothing any"
        " more",
        series=Series("credentials_shared", COVERAGE),
    ),
    Figure(
        "users_disagreed",
        "requests in which a source named [another user](users.md#where-two-sources-disagree) than `[ambient]` or a"
        " scope",
        series=Series("users_disagreed", COVERAGE),
    ),
    Figure(
        "users_outvoted",
        "sources that are not asked any more, because they contradict `[ambient]` and the scopes as a rule; the number"
        " of processes in which that happened",
        "object",
    ),
    Figure("service_levels", "how long runs, their first events and clean-ups took", "object"),
    Figure(
        "users_at_once",
        "the most users with a run at the same time, so far. Of several processes the highest: at least so many were at"
        " work at once, and at most the processes' sum",
        highest=True,
        series=Series("users_at_once", "service levels", kind="gauge"),
    ),
    Figure("findings", "occurrences by rule", "object"),
    Figure(
        "findings_dropped",
        "occurrences of further distinct findings beyond `limits.findings`, counted without being described",
        series=Series("findings_dropped", SELF),
    ),
    Figure(
        "findings_size",
        "characters that the distinct findings hold; from 8,000,000 a process on further ones are counted without being"
        " described",
        series=Series("findings_characters", SELF, kind="gauge"),
    ),
    Figure(
        "parts_unreadable",
        "processes of the run whose part of the report could not be read, and is missing here",
    ),
    Figure(
        "texts_cut",
        "ids and names of more than 256 characters that were cut: what is kept is the beginning and a digest, so that"
        " two of them stay apart",
        series=Series("texts_cut", SELF),
    ),
    Figure(
        "faults",
        "faults inside the auditor (IA903); the application went on",
        series=Series("faults", SELF),
    ),
    Figure(
        "evicted",
        "entries that a full table has let go, by table: `users`, `bindings`, `names` (further names of users),"
        " `credentials` (digests of sessions, tokens and keys), `scopes`, `runs`, as `[limits]` caps them;"
        " `cache_entries`: stored values whose writer was forgotten, beyond 10,000 of one cache",
        "object",
        series=Series("evictions", SELF, "table", EVICTING),
    ),
    Figure(
        "entries",
        "entries that each table of `[limits]` has at present, `findings` being the distinct ones; where a table is"
        " kept for each kind of id or for each protocol, the fullest. Of several processes the highest counts",
        "object",
        highest=True,
        series=Series("table_entries", SELF, "table", TABLES, kind="gauge"),
    ),
    Figure(
        "waiting",
        "findings and ended scopes that the ways out have not taken yet",
        "object",
        series=Series("queue_items", SELF, "queue", QUEUES, kind="gauge"),
    ),
    Figure(
        "own_seconds",
        "CPU time that the auditor's own threads have used: `drainer`, which looks after what has ended, and the thread"
        " of each way out. What is done in the application's calls is in `call_seconds`",
        "object",
        series=Series("own_cpu_seconds", SELF, "component", COMPONENTS),
    ),
    Figure(
        "call_seconds",
        "CPU time that the auditor has used in the application's calls, [estimated](../explanation/performance.md"
        "#what-a-running-process-tells) from a part of them. Comparisons that are compiled into a function, and what"
        " depth `state` adds, are not in it",
        "number",
        series=Series("call_cpu_seconds", SELF),
    ),
    Figure("exports", "for `journal` and `otlp`, where they are configured, `failures` and `lost`", "object"),
    Figure(
        "exports.*.failures",
        "attempts to send a batch or to write a line that failed",
        "object",
        series=Series("export_failures", SELF, "exporter", EXPORTERS),
    ),
    Figure(
        "exports.*.lost",
        "lines, spans and log records given up, those at the process's end included",
        "object",
        series=Series("export_lost", SELF, "exporter", EXPORTERS),
    ),
    Figure("bindings_store", "where [`bindings.store`](configuration.md#bindings) is configured, its counts", "object"),
    Figure(
        "bindings_store.failures",
        "requests to the [shared store](configuration.md#bindings) that failed",
        series=Series("bindings_store_failures", SELF),
    ),
    Figure(
        "bindings_store.lost",
        "bindings given up before the store had taken them",
        series=Series("bindings_store_lost", SELF),
    ),
    Figure(
        "bindings_store.late",
        "ids that were asked for before another process's binding of them had arrived",
        series=Series("bindings_store_late", SELF),
    ),
    Figure(
        "bindings_store.rejected",
        "entries of the store that no auditor can have written",
        series=Series("bindings_store_rejected", SELF),
    ),
)

HIGHEST: Final = frozenset(figure.key for figure in FIGURES if figure.highest)
