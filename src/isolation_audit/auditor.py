"""The auditor: puts identity, instrumentation, monitors, recorder and sinks together; starts and stops them as one."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from dataclasses import replace
from pathlib import Path
from time import time as wall_clock
from typing import TYPE_CHECKING, Any, Final, cast

from isolation_audit import integrations
from isolation_audit.analysis import application
from isolation_audit.analysis.texts import texts_cut
from isolation_audit.config import CONFIG_VARIABLE, NO_FILE, Config, default_config, find_config
from isolation_audit.content.witness import ContentWitness
from isolation_audit.coverage.counts import activity, counted
from isolation_audit.coverage.verdict import judge
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters import report
from isolation_audit.exporters.base import exports
from isolation_audit.exporters.drainer import Drainer
from isolation_audit.exporters.notices import notice
from isolation_audit.exporters.summary import summary
from isolation_audit.foundation.environment import RAW_IDS_VARIABLE, RUN_VARIABLE, SUPERVISED_VARIABLE
from isolation_audit.foundation.forks import forks
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.calls.call_costs import CallCosts
from isolation_audit.instrument.runtime import Runtime
from isolation_audit.instrument.tracking import observations
from isolation_audit.instrument.tracking.work_spans import WorkSpans
from isolation_audit.instrument.work.running_scopes import RunningScopes
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.model import contexts, entering, scopes
from isolation_audit.model.ambient import Ambient
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.owner_records import Objects
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import Users
from isolation_audit.process.greenlets import Greenlets, threads_are_greenlets
from isolation_audit.process.running_auditor import process
from isolation_audit.recording.recorder import Recorder
from isolation_audit.rules.dispatch import Dispatch
from isolation_audit.rules.selfcheck.blindness import blindness
from isolation_audit.stores import share_bindings
from isolation_audit.targets.injected_users import InjectedUsers
from isolation_audit.targets.instrumentation import Instrumentation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from isolation_audit.exporters.base import Sink
    from isolation_audit.rules.state.watch import StateWatch

_GRACE: Final = 1.0
"""Seconds that a run's last event may come after its work: it may be sent by whoever waited for the work."""


class Auditor:
    """One running audit. Usable as a context manager; :func:`instrument` makes and starts one for the process."""

    def __init__(
        self, config: Config, make_sinks: Callable[..., list[Sink]] | None = None, *, supervised: bool = False
    ) -> None:
        self.config = config
        self.supervised = supervised
        self.run_id = os.environ.get(RUN_VARIABLE) or secrets.token_hex(6)
        self.pseudonyms = Pseudonyms(raw=config.report.raw_ids)
        self._make_sinks = make_sinks
        self._sinks: list[Sink] = []
        self._own_seconds: Callable[[], dict[str, float]] = dict
        self._lock = threading.RLock()
        self._running = False
        self._build()
        self._greenlets = Greenlets(self._step_aside, self.runtime.barrier)
        self.instrumentation = Instrumentation(self.runtime)
        self._costs = CallCosts(self.instrumentation.probes)
        integrations.watch(self.runtime, self.instrumentation)

    def _build(self) -> None:
        config = self.config
        limits = config.limits
        barrier = Barrier(limits.faults)
        users = Users(
            placeholders=config.identity.placeholders,
            system=(*config.identity.system, scopes.SYSTEM_USER),
            id_types=config.identity.id_types,
            limit=limits.users,
            digest=self.pseudonyms.digest if _told_elsewhere(config) else None,
        )
        self.started = wall_clock()
        self._texts_cut_before = texts_cut()
        self.recorder = Recorder(limits, config.select)
        self.dispatch = Dispatch()
        kinds = (kind for kind, _path in config.identity.bind)
        bindings = Bindings(kinds, limit=limits.bindings, age=config.bindings.age)
        searched = config.watch.payloads or any(emitter.payload for emitter in config.emitters)
        content = self.recorder.enabled("IA203") and searched
        content = content or config.watch.addressees or config.audit.depth != "calls"
        self.runtime = Runtime(
            config=config,
            users=users,
            ambient=Ambient(users),
            bindings=bindings,
            objects=Objects(),
            barrier=barrier,
            publish=self.dispatch.publish,
            ask=self.dispatch.ask,
            pseudonym=self.pseudonyms.hash,
            content=ContentWitness(users, bindings) if content else None,
        )
        user_of = self.runtime.user_of_run
        if config.protocols:
            from isolation_audit.instrument.tracking.runs import Runs  # with the language of orders

            made = [Runs(protocol, limit=limits.runs, user_of=user_of) for protocol in config.protocols]
            self.runtime.runs = tuple(made)
        self.elsewhere = share_bindings(self.runtime, self.pseudonyms, notice)
        self.dispatch.listen(self.runtime, self.recorder, self.pseudonyms)

    def start(self) -> Auditor:
        """Instrument, and start feeding the sinks.

        Raises:
            UsageError: another auditor is running in this process, or its threads are gevent's greenlets.
        """
        if threads_are_greenlets():
            raise UsageError("gevent has exchanged threads for greenlets; such a process can't be audited")
        with process.lock:
            if process.auditor is not None and process.auditor is not self:
                raise UsageError("an auditor is running already; call isolation_audit.uninstrument() first")
            process.auditor = self
        try:
            with self._lock:
                if not self._running:
                    application.recognise()
                    # Sinks first: a missing extra must be known before anything of the application is touched.
                    self.drainer = self._drainer()
                    self._running = self.runtime.running = True
                    entering.listen(RunningScopes(self.runtime, self._scope_ended))
                    if self.config.audit.depth != "calls":
                        self._state().start()
                    self.instrumentation.start()
                    self._greenlets.watch()
                    self.drainer.start()
                    if self.elsewhere is not None:
                        self.elsewhere.start()
        except BaseException:
            self.stop()
            process.let_go(self)
            raise
        return self

    def _state(self) -> StateWatch:
        from isolation_audit.rules.state.watch import StateWatch  # with all that rewrites modules

        return self.runtime.part(StateWatch)

    def _scope_ended(self, scope: scopes.Scope) -> None:
        self.recorder.scope_ended(scope)  # of the recorder that there is now: a forked child has another one

    def _drainer(self) -> Drainer:
        sinks: list[Sink] = []
        if self._make_sinks is not None:
            sinks = self._make_sinks(
                self.config,
                run_id=self.run_id,
                pseudonyms=self.pseudonyms,
                snapshot=self.snapshot,
                supervised=self.supervised,
            )
        self._sinks = sinks
        if any(getattr(sink, "takes_scopes", True) for sink in sinks):
            self.runtime.spans = WorkSpans(self._scope_ended, self.runtime.users.token, limit=self.config.limits.users)
        drainer = Drainer(self.recorder, self.runtime.barrier, sinks, self.snapshot, self._look_again, self._activity)
        self._own_seconds = drainer.seconds
        self.runtime.hands_on_scopes = self.recorder.takes_scopes
        return drainer

    def _activity(self) -> object:
        counts = self.recorder.counts.total(), self.recorder.dropped, exports(self._sinks)
        return *counts, activity(self.runtime, self.instrumentation.integrated), self.instrumentation.changes

    def _look_again(self) -> None:
        remembered.forget_verdicts()  # classes and values of the application are not kept for longer than that
        with forks.wait():  # it takes the lock of the instrumentation, and imports
            self.instrumentation.look()
        if self._running:
            self._costs.look()
        self._publish_overdue(_GRACE)

    def _publish_overdue(self, grace: float) -> None:
        for runs in self.runtime.runs:
            for overdue in runs.overdue(grace):
                with contexts.of_test(overdue.run.test):
                    self.dispatch.publish(overdue)
            for lost in runs.lost(grace):
                with contexts.of_test(lost.run.test):
                    self.dispatch.publish(lost)
        self.settle(grace)

    def settle(self, grace: float = 0.0) -> None:
        """Tell of what was left open ``grace`` seconds ago, to see whether it would turn out to be harmless."""
        for settle in self.runtime.settling:
            try:
                settle(grace)
            except Exception as error:
                self.runtime.barrier.fault("settle", error)

    def stop(self) -> None:
        """Undo every patch, give the sinks what is left, and close them. Safe to call twice, and from any thread."""
        with self._lock:
            if not self._running:
                return
            self._running = self.runtime.running = False
            self._publish_overdue(0.0)
            if not self.supervised:
                # Of several processes each sees its part; whether the whole run was blind is the supervisor's to say.
                words = blindness(self.snapshot()["coverage"])
                if words:
                    self.dispatch.publish(observations.Stopped(words))
            if self.config.audit.depth != "calls":
                self._state().stop()
            self.instrumentation.stop()
            self._greenlets.forget()
            entering.listen(None)
            if self.elsewhere is not None:
                self.elsewhere.close()
            self.drainer.stop(self.config.otlp.timeout + 1.0)
            self._costs.stop()
        process.let_go(self)

    def _step_aside(self) -> None:
        words = f"gevent exchanges threads for greenlets: process {os.getpid()} is not watched from here on"
        notice(words)
        self.dispatch.publish(observations.Problem("IA904", "gevent.monkey", words))
        self.stop()

    def flush(self) -> None:
        """Give the sinks what there is and wait for them, as long as for :meth:`stop`; the audit goes on."""
        if self._running:
            self.drainer.flush(self.config.otlp.timeout + 1.0)

    def __enter__(self) -> Auditor:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def snapshot(self) -> dict[str, Any]:
        """The report of this process so far (schema 1)."""
        runtime = self.runtime
        run = {
            "id": self.run_id,
            "config": None if self.config.source is None else self.config.source.name,
            "processes": [
                {
                    "pid": os.getpid(),
                    "python": sys.version.split()[0].rstrip("+"),
                    "started": self.started,
                    "seen_until": wall_clock(),
                }
            ],
        }
        made = report.empty(run, report.TOOL)
        made["targets"] = self.instrumentation.told(runtime.tally.seen)
        made["summary"] = {
            **summary(runtime, self.recorder, self.pseudonyms),
            "texts_cut": texts_cut() - self._texts_cut_before,
            "own_seconds": self._own_seconds(),
            "call_seconds": round(self._costs.seconds, 6),
            "exports": exports(self._sinks),
            "bindings_store": {} if self.elsewhere is None else self.elsewhere.counts,
        }
        made["findings"] = [entry.as_dict() for entry in self.recorder.entries()]
        made["coverage"] = counted(runtime, self.instrumentation.integrated)
        made["coverage"] = judge(made)
        return made

    def after_fork(self) -> None:
        """In a forked child: start counting from nothing and drain on a thread of its own; the patches are in place."""
        self._lock = threading.RLock()
        self.instrumentation.after_fork()
        self._costs.after_fork()
        if not self._running:
            return
        self.started = wall_clock()
        self._texts_cut_before = texts_cut()
        self.recorder = Recorder(self.config.limits, self.config.select)
        self.runtime.tally.cells.after_fork()
        self.runtime.tally.clear()
        self.runtime.paths.clear()
        self.runtime.part(Sightings).clear()
        self.runtime.part(InjectedUsers).clear()
        for watched in self.instrumentation.integrated:
            watched.calls[0] = 0
        self.runtime.levels.clear()
        for runs in self.runtime.runs:
            runs.after_fork()
        self.runtime.barrier.__init__(self.config.limits.faults)  # type: ignore[misc]
        self.dispatch.listen(self.runtime, self.recorder, self.pseudonyms)
        self.drainer = self._drainer()
        self.drainer.start()
        if self.elsewhere is not None:
            self.elsewhere.start()


def _told_elsewhere(config: Config) -> bool:
    """Whether users are told from one process to another, by what stands for them."""
    baggage = config.baggage
    return config.bindings.store is not None or baggage.messages or baggage.accept


def current() -> Auditor | None:
    """The auditor that runs in this process, if any."""
    return cast("Auditor | None", process.auditor)


def instrument(config: Config | Path | str | None = None) -> Auditor:
    """Start auditing this process; call it before the application is imported.

    ``config`` is a Config, the path of a TOML file, or None to look for one (``ISOLATION_AUDIT_CONFIG``, then
    ``isolation-audit.toml`` or ``pyproject.toml`` here or in a parent folder). Idempotent for the same configuration.

    Raises:
        ConfigError: the configuration can't be used; every problem is listed.
        UsageError: there is no configuration, or an auditor with another one is running.
    """
    from isolation_audit.exporters.configured import configured_sinks

    chosen = config if isinstance(config, Config) else _load(config)
    with process.lock:
        running = current()
        if running is not None:
            if running.config == chosen:
                return running
            raise UsageError(
                "an auditor with another configuration is running; call isolation_audit.uninstrument() first"
            )
        supervised = os.environ.get(SUPERVISED_VARIABLE) == "1"
        return Auditor(chosen, configured_sinks, supervised=supervised).start()


def uninstrument() -> None:
    """Stop auditing this process and restore everything that was patched; does nothing when nothing runs."""
    process.stop()


def _load(path: Path | str | None) -> Config:
    if path is None and os.environ.get(CONFIG_VARIABLE) == NO_FILE:
        config = default_config()
    else:
        found = Path(path) if path is not None else find_config()
        if found is None:
            raise UsageError(
                "no configuration found; write an isolation-audit.toml, or set ISOLATION_AUDIT_CONFIG to one"
            )
        from isolation_audit.config.files import load_config  # where there is a file to read

        config = load_config(found)
    if os.environ.get(RAW_IDS_VARIABLE) == "1":
        config = replace(config, report=replace(config.report, raw_ids=True))
    return config
