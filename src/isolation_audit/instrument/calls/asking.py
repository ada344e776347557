"""What a probe asks before a call: one function for each number of interceptors; the usual one has no loop to run."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import STACK_END, enter_auditor, inside, leave_auditor
from isolation_audit.model.gates import Gate

if TYPE_CHECKING:
    from isolation_audit.instrument.calls.interceptors import Before, Guarded, Passes, States
    from isolation_audit.instrument.reading.layout import Values

AGAIN: Final = object()
"""The call is not like the last clean one, for a reason that its check does not know."""

_ALWAYS: Final = Gate()
"""Stands for the gate of those that have none."""
_ALWAYS.open = True


def absorbed(guarded: Guarded, fault: Exception) -> None:
    try:
        guarded.absorb(fault)
    except RecursionError:
        guarded.barrier.counts[STACK_END] += 1


def nobody(_values: Values, _witnesses: object = None) -> None:
    return None


def one(guarded: Guarded) -> Before:
    interceptor, calls, minds_more = guarded.interceptor, guarded.calls, guarded.minds_more
    gate = guarded.gate or _ALWAYS

    def before(values: Values) -> States | None:
        if not gate.open:  # the busiest hooks of most applications have nothing to look at
            calls[0] += 1
            return None
        me = get_ident()
        if me in inside:
            return None
        try:
            enter_auditor(me)
            calls[0] += 1
            state = interceptor.before(values)
        except Exception as error:
            try:
                guarded.absorb(error)
            except RecursionError:
                guarded.barrier.counts[STACK_END] += 1
            return None
        finally:
            leave_auditor(me)
        return ((guarded, state),) if minds_more and state is not None else None

    return before


def passing(every: tuple[Guarded, ...]) -> Passes:
    """As :func:`several`, for a call whose first interceptor knows the witnesses; one stay in the auditor for all."""
    first, others = every[0], every[1:]
    if not others and first.interceptor.reads_nothing:
        return _passing_alone(first)
    assert first.check is not None  # noqa: S101 - only those with a check come here
    clean, knows = first.check.site, first.interceptor.passes
    steps = [(guarded, guarded.interceptor.before) for guarded in others]

    def passes(values: Values, witnesses: Any) -> States | None:
        me = get_ident()
        if me in inside:
            return None
        states: States = ()
        at = first
        try:
            enter_auditor(me)
            state = knows(values, witnesses)
            if state is AGAIN:
                clean.clean -= 1.0
                first.calls[0] += 1
                state = first.interceptor.before(values)
            if state is not None:
                states = ((first, state),)
            for at, before in steps:
                at.calls[0] += 1
                state = before(values)
                if state is not None:
                    states += ((at, state),)
        except Exception as error:
            absorb(at, states, error)
        except BaseException as error:
            failed(states, error)
            raise
        finally:
            leave_auditor(me)
        return states or None

    return passes


def _passing_alone(guarded: Guarded) -> Passes:
    """The same for one that reads nothing of the application's: it can't be called again from inside itself."""
    assert guarded.check is not None  # noqa: S101 - as above
    clean, knows, asks = guarded.check.site, guarded.interceptor.passes, one(guarded)

    def passes(values: Values, witnesses: Any) -> States | None:
        try:
            state = knows(values, witnesses)
        except Exception as error:
            absorb(guarded, (), error)
            return None
        if state is AGAIN:
            clean.clean -= 1.0
            return asks(values)
        return None if state is None else ((guarded, state),)

    return passes


def ending(guarded: Guarded) -> Passes:
    """Asks one that has nothing to do before a call, after it."""
    interceptor, calls = guarded.interceptor, guarded.calls

    def passes(values: Values, _witnesses: object = None) -> None:
        me = get_ident()
        if me in inside:
            return
        try:
            enter_auditor(me)
            calls[0] += 1
            interceptor.ended(values)
        except Exception as error:
            absorbed(guarded, error)
        finally:
            leave_auditor(me)

    return passes


def absorb(at: Guarded, states: States, error: Exception) -> None:
    """An interceptor raised: that is counted, and what others have opened stays open; but a time limit goes through."""
    try:
        at.absorb(error)
    except RecursionError:
        at.barrier.counts[STACK_END] += 1
    except BaseException:
        failed(states, error)
        raise


def several(every: tuple[Guarded, ...]) -> Before:
    steps = [(guarded, guarded.interceptor, guarded.calls, guarded.gate or _ALWAYS) for guarded in every]

    def before(values: Values) -> States | None:
        me = get_ident()
        if me in inside:
            return None
        states: States = ()
        try:
            enter_auditor(me)
            for guarded, interceptor, calls, gate in steps:
                calls[0] += 1
                if not gate.open:
                    continue
                try:
                    state = interceptor.before(values)
                except Exception as error:
                    absorbed(guarded, error)
                else:
                    if state is not None and guarded.minds_more:
                        states += ((guarded, state),)
        except BaseException as error:
            # Something of the application's came through (KeyboardInterrupt, a time limit): close what is open.
            failed(states, error)
            raise
        finally:
            leave_auditor(me)
        return states or None

    return before


def failed(states: States, error: BaseException) -> None:
    """Tell the waiting interceptors that the call raised."""
    me = get_ident()
    outermost = me not in inside
    try:
        enter_auditor(me)
        for guarded, state in reversed(states):
            if guarded.minds_failures:
                try:
                    guarded.interceptor.failed(state, error)
                except Exception as fault:
                    absorbed(guarded, fault)
    finally:
        if outermost:
            leave_auditor(me)
