"""What integrations of WebSocket libraries share: the life of a connection, and the ways in which it goes wrong."""

from __future__ import annotations

import asyncio
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.content.credential_fields import brought_in
from isolation_audit.instrument.stacks import capture, raised
from isolation_audit.instrument.tracking.observations import Broken, Unready
from isolation_audit.instrument.work.libraries import Libraries
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.running import running_loop, running_task, task_in
from isolation_audit.model.users import Kind, User
from isolation_audit.targets.ownership import differ
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.messages import ENOUGH, CallbacksCalled, ConnectionsBound, Message, MessagesSent
from isolation_audit.vocabulary.work import InputsLearned

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.requests import Request
    from isolation_audit.vocabulary.exits import Exits, LeavingPushes

INTERNAL_ERROR: Final = 1011
"""RFC 6455, 7.4.1: the server met a condition that kept it from going on."""

BEFORE: Final = "before its handshake was done"
REFUSED: Final = "after its handshake had been refused"
CLOSED: Final = "after the application had closed it"
RECEIVED: Final = "after its disconnect had been received"

_ORIGIN_FRAMES: Final = 4


class Connection:
    """What is known of one connection; it holds nothing of the application's."""

    __slots__ = ("broken", "end", "gone", "opened", "opened_by", "owner", "push", "reader")

    def __init__(self) -> None:
        self.opened = False
        """True once the application has accepted it."""
        self.end = ""
        """How the application has come to know that it is over; empty as long as it does not know."""
        self.gone = False
        """True once something could not be sent: the other side has left."""
        self.broken = False
        """True once its break-down has been told."""
        self.owner: User | None = None
        self.reader: weakref.ref[Any] | None = None
        """The task that receives on it."""
        self.push: LeavingPushes | None = None
        """What is pushed on it, once something was."""
        self.opened_by: tuple[Request, Endpoint] | None = None
        """The request that has opened it, and what serves it, where others may send to it before it is used itself."""


class Connections:
    """The connections of one library: ``target`` is what findings call their class.

    Where they are ``counted_out``, one that is still there after its end is told of: not so where the variable of a
    loop that accepts holds the latest of them.
    """

    def __init__(self, target: str, runtime: Runtime, *, counted_out: bool = True) -> None:
        self.target = target
        self._counted_out = counted_out
        self._runtime = runtime
        self._addressees = runtime.listener(MessagesSent) if runtime.config.watch.addressees else None
        self._opened = runtime.listener(ConnectionsBound)
        self._handed_on = runtime.listener(CallbacksCalled)
        self._record_of = runtime.objects.get
        self._ambient = runtime.ambient.current
        self.libraries = runtime.part(Libraries)
        self._sinks = exits_of(runtime)
        self._words = runtime.listener(InputsLearned)
        runtime.part(Sightings).serves(target)

    def known(self, obj: Any) -> Connection | None:
        """The connection behind an object that was met before."""
        record = self._record_of(obj)
        connection: Connection | None = None if record is None else record.connection
        return connection

    def of(self, obj: Any, started: Connection | None = None) -> Connection:
        """The connection behind an object; ``started`` is the one that it is a part of, where that is known."""
        record = self._runtime.objects.record(obj)
        if record is None:
            return started or Connection()
        if record.connection is None:
            record.connection = started or Connection()
        connection: Connection = record.connection
        return connection

    def bind(self, obj: Any, connection: Connection) -> None:
        """Note the user of a connection at a use that only its own user's work makes: accepting, receiving."""
        task = running_task()
        if task is not None and (connection.reader is None or connection.reader() is not task):
            connection.reader = weakref.ref(task)
        ambient = self._ambient()
        if ambient is None or ambient is connection.owner or ambient.kind is not Kind.USER:
            return
        self._belongs(obj, connection, ambient, current_endpoint())
        inputs = own_inputs()
        if inputs is not None:
            inputs.user = ambient

    def ask(self, obj: Any, connection: Connection) -> None:
        """Note the user of a connection as the request that has opened it knows them, whoever's work is running."""
        request, endpoint = connection.opened_by or (None, None)
        self._ambient()  # the application may have said it since: the running request is told so
        user = None if request is None else request.user_so_far
        if request is not None and user is not None and user.kind is Kind.USER:
            self._belongs(obj, connection, user, endpoint)
            if request.inputs is not None:
                request.inputs.user = user

    def _belongs(self, obj: Any, connection: Connection, user: User, endpoint: Endpoint | None) -> None:
        connection.owner = user
        self._opened.bound(obj, user, endpoint)
        record = self._runtime.objects.record(obj)
        if record is not None and record.owner is None:
            record.owner = user
            record.origin = beneath(capture(_ORIGIN_FRAMES), self.libraries.packages)
            record.origin_label = "first used for"
            if self._counted_out and self._runtime.connected is not None:
                self._runtime.connected(self.target, obj, user, record.origin)

    def received(self, obj: Any, connection: Connection, message: Any = None) -> None:
        """Count a message that has come, and note the user as :meth:`bind` does; it is an input, where it is given."""
        if connection.owner is None and message is not None:
            _logs_in(message)
        inputs = None if message is None or self._sinks is None else own_inputs()
        if inputs is not None:
            inputs.receive(
                Input(REQUEST, message), size=len(message) if type(message) is str or type(message) is bytes else 0
            )
        self.bind(obj, connection)  # afterwards: the message may say whose the connection is
        if inputs is not None and connection.owner is not None:
            self._words.learn(inputs, connection.owner)
        tally = self._runtime.tally
        tally.messages += 1
        tally.messages_named += connection.owner is not None

    def sent(self, connection: Connection, payload: Any) -> None:
        """Have it weighed whether what is sent is meant for the connection's user."""
        owner, addressees = connection.owner, self._addressees
        if owner is None:
            return
        current = self._ambient
        ambient = current()
        if (
            self._sinks is not None
            and (ambient is owner or ambient is None)
            and (type(payload) is str or type(payload) is bytes)
        ):
            self._push(self._sinks, connection, owner, payload)
        if addressees is None:
            return
        if ambient is owner:
            addressees.to_oneself(owner, payload)
            return
        if connection.reader is not None:
            loop = running_loop()
            task = None if loop is None else task_in(loop)
            if task is not None and connection.reader() is task and differ(ambient, owner):
                # Whoever receives on a connection may answer there: somebody has logged in anew, or it serves several.
                connection.owner = ambient
        owner = connection.owner
        if not addressees.passes(ambient, owner, payload):
            addressees.one(ambient, owner, Message(f"{self.target}.send", payload, self.libraries.packages))
        sender = ambient or self._started_by(addressees, owner, payload)
        if sender is None or owner is None:
            return
        pair = sender.id, owner.id
        if self._opened.asked.get(pair, 0) < ENOUGH or self._handed_on.asked.get(pair, 0) < ENOUGH:
            self._by_place(addressees, sender, owner, payload)

    def _push(self, sinks: Exits, connection: Connection, owner: User, payload: str | bytes) -> None:
        """It is judged where it leaves in the connection's own work, in a task of its own or in one beside that."""
        inputs = own_inputs()
        if inputs is not None and inputs.user is owner:
            push = connection.push
            if push is None:
                push = connection.push = sinks.pushes(f"{self.target}.send")
            push.sent(payload, owner, inputs)

    def _started_by(self, addressees: MessagesSent, owner: User | None, payload: Any) -> User | None:
        """Whose unit of work has started the task that runs: it goes on with it, though it may be a worker for all."""
        inputs = own_inputs()
        sender = None if inputs is None else inputs.user
        if sender is not None and owner is not None:
            addressees.by_started(sender, owner, Message(f"{self.target}.send", payload, self.libraries.packages))
        return sender

    def _by_place(self, addressees: MessagesSent, sender: User, owner: User, payload: Any) -> None:
        """Where nobody is named: has it taken the place of the sender's own, or does a callback send there?"""
        if not differ(sender, owner):
            return
        if self._opened.has_lost_its_place(sender, owner, self._is_open):
            to = "displaced"
        elif self._handed_on.is_from(sender, owner):
            to = "handed"
        else:
            return
        addressees.misdirected(sender, owner, Message(f"{self.target}.send", payload, self.libraries.packages), to)

    def _is_open(self, obj: Any) -> bool:
        known = self.known(obj)
        return known is not None and not known.end and not known.gone

    def broadcast(self, objs: list[Any], target: str, payload: Any) -> None:
        """Have it weighed whether what is sent to all of them on purpose is meant for them."""
        if self._addressees is None:
            return
        known = [connection for obj in objs if (connection := self.known(obj)) is not None]
        owners = [connection.owner for connection in known if connection.owner is not None]
        ambient, message = self._runtime.ambient.current(), Message(target, payload, self.libraries.packages)
        self._addressees.everyone(ambient, owners, message, meant=lambda: True)

    def unready(self, connection: Connection, when: str) -> None:
        """Tell that something is being sent ``when`` nobody can receive it."""
        runtime = self._runtime
        stack = beneath(capture(runtime.config.limits.stack), self.libraries.packages)
        runtime.publish(Unready(self.target, when, runtime.ambient.current(), connection.owner, stack))

    def closing(self, connection: Connection, code: object) -> None:
        """Tell of a close with 1011, and of the exception that is being handled meanwhile."""
        if not isinstance(code, int) or code != INTERNAL_ERROR or connection.broken or connection.gone:
            return
        error = sys.exc_info()[1]
        if error is None or not self._is_no_fault(error):
            self.broken(connection, "was closed with 1011", error)

    def failing(self, connection: Connection, error: BaseException) -> None:
        """Tell of an exception that leaves the application while the connection is open, or about to be."""
        if connection.end or connection.gone or connection.broken or self._is_no_fault(error):
            return
        self.broken(connection, "ended" if connection.opened else "failed in its handshake", error)

    def _is_no_fault(self, error: BaseException) -> bool:
        """True where nothing is wrong with the application: the other side left, or the work was called off."""
        if isinstance(error, BaseExceptionGroup):
            return all(map(self._is_no_fault, error.exceptions))
        called_off = not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError)
        return called_off or self.libraries.is_departure(error)

    def broken(self, connection: Connection, how: str, error: BaseException | None) -> None:
        """Tell of a break-down, once a connection."""
        connection.broken = True
        runtime, limit = self._runtime, self._runtime.config.limits.stack
        error = _single(error)
        if error is None:
            how, stack = f"{how}, and no exception was being handled", beneath(capture(limit), self.libraries.packages)
        else:
            how, stack = f"{how}: {type(error).__name__}", raised(error, limit, self.libraries.packages)
        runtime.publish(Broken(self.target, how, error is not None, runtime.ambient.current(), connection.owner, stack))


def _single(error: BaseException | None) -> BaseException | None:
    """What a group of one holds."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _logs_in(message: Any) -> None:
    """Browsers can't send headers with a WebSocket: many applications are sent the token in the first message."""
    request = current_unit().request
    credentials = [] if request is None else brought_in(message)
    if request is not None and credentials:
        request.brings(credentials)
