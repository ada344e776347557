"""Django Channels: whose a channel is, who is in a group, and who receives what is sent to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.session_users import SessionUsers
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.users import Kind, plain_text, same
from isolation_audit.vocabulary.messages import Message, MessagesSent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

CONSUMER: Final = "channels.consumer:AsyncConsumer.dispatch"
LAYERS: Final = (
    "channels.layers:InMemoryChannelLayer",
    "channels_redis.core:RedisChannelLayer",
    "channels_redis.pubsub:RedisPubSubLoopLayer",
)

_LIBRARIES: Final = ("channels", "channels_redis", "asgiref", "asyncio")


class Channels:
    """The integration."""

    distribution = "channels"
    since = "2.1.0"
    lasting = ("/channels/",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Consumers, and the layers' groups."""
        if not runtime.config.watch.addressees:
            return
        groups = runtime.part(Groups)
        yield Point(CONSUMER, partial(ConsumerPoint, groups))
        for layer in LAYERS:
            yield Point(f"{layer}.new_channel", partial(NewChannelPoint, f"{layer}.new_channel", groups))
            yield Point(f"{layer}.group_add", partial(MembershipPoint, f"{layer}.group_add", groups))
            yield Point(f"{layer}.group_discard", partial(MembershipPoint, f"{layer}.group_discard", groups))
            yield Point(f"{layer}.group_send", partial(GroupSendPoint, f"{layer}.group_send", groups))
            yield Point(f"{layer}.send", partial(SendPoint, f"{layer}.send", groups))


class _Sending:
    """Stands for the channel whose work runs while a layer hands a message to the members of a group."""

    def __init__(self, client: Any) -> None:
        self.client = client


class Groups:
    """Who is in which group, as far as this process has let them in, and whose their channels are."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.holders = SessionUsers(runtime)
        self.addressees = runtime.listener(MessagesSent)
        self._members: dict[str, dict[str, None]] = {}
        self._joined: dict[str, dict[str, None]] = {}

    def add(self, group: str, channel: str) -> None:
        """A channel is in; whoever lets an unknown one in is taken for its user."""
        if self.holders.of(channel) is None:
            self.holders.running(channel)
        self._members.setdefault(group, {})[channel] = None
        self._joined.setdefault(channel, {})[group] = None
        if len(self._members) > self.runtime.config.limits.bindings:
            oldest = next(iter(self._members))
            for member in list(self._members[oldest]):
                self.discard(oldest, member)
            self.runtime.bindings.evicted += 1

    def discard(self, group: str, channel: str) -> None:
        """A channel is out."""
        members = self._members.get(group, {})
        members.pop(channel, None)
        if not members:
            self._members.pop(group, None)
        joined = self._joined.get(channel, {})
        joined.pop(group, None)
        if not joined:
            self._joined.pop(channel, None)

    def gone(self, channel: str) -> None:
        """A consumer is over; it may have left its groups to expire."""
        self.holders.forget(channel)
        for group in list(self._joined.get(channel, ())):
            self.discard(group, channel)

    def users(self, group: str) -> list[User | None]:
        """The users of a group's channels."""
        return [self.holders.of(channel) for channel in list(self._members.get(group, ()))]

    def sender(self) -> User | None:
        """The running user; where there is none, the one of the channel whose consumer runs."""
        channel = current_unit().client
        return self.runtime.ambient.current() or (self.holders.of(channel) if type(channel) is str else None)


class _Point(Interceptor):
    """Around a method of a layer or a consumer."""

    def __init__(self, place: str, groups: Groups, layout: Layout) -> None:
        self.place = place
        self._groups = groups
        self._layout = layout


class ConsumerPoint(_Point):
    """Around a consumer's handling of one message: whoever runs in it is the user of its channel."""

    def __init__(self, groups: Groups, layout: Layout) -> None:
        super().__init__(CONSUMER, groups, layout)
        self._self_of = layout.receiver_reader()
        self._message = layout.argument("message")

    def before(self, values: Values) -> Any:
        """Note what the scope says, and whose consumer runs."""
        consumer = self._self_of(values)
        held = vars(consumer)
        channel = plain_text(held.get("channel_name"))
        if channel is None:
            return None
        self._groups.holders.told(channel, held.get("scope"))
        outer = current_unit().client
        change_unit(client=channel)
        message = self._message(values)
        kind = message.get("type") if type(message) is dict else None
        over = kind == "websocket.disconnect"
        if not over and kind != "websocket.connect":
            self._groups.runtime.tally.messages += 1
            self._groups.runtime.tally.messages_named += self._groups.holders.of(channel) is not None
        return channel, outer, over

    def after(self, state: Any, _result: Any) -> None:
        """The handler has set its user by now, if it does so at all."""
        channel, outer, over = state
        self._groups.holders.running(channel)
        if current_unit().client is channel:
            change_unit(client=outer)
        if over:
            self._groups.gone(channel)

    def failed(self, state: Any, _error: BaseException) -> None:
        """It has raised, as a consumer that stops does."""
        self.after(state, None)


class NewChannelPoint(_Point):
    """Around ``new_channel``."""

    def before(self, _values: Values) -> Any:
        """Wait for the name."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """It is the running user's, if there is one."""
        channel = plain_text(result)
        if channel is not None:
            self._groups.holders.running(channel)


class MembershipPoint(_Point):
    """Around ``group_add`` and ``group_discard``."""

    def __init__(self, place: str, groups: Groups, layout: Layout) -> None:
        super().__init__(place, groups, layout)
        self._group = layout.argument("group")
        self._channel = layout.argument("channel")
        self._note = groups.add if place.endswith("group_add") else groups.discard

    def before(self, values: Values) -> None:
        """Note it."""
        group, channel = plain_text(self._group(values)), plain_text(self._channel(values))
        if group is not None and channel is not None:
            self._note(group, channel)


class GroupSendPoint(_Point):
    """Around ``group_send``."""

    def __init__(self, place: str, groups: Groups, layout: Layout) -> None:
        super().__init__(place, groups, layout)
        self._group = layout.argument("group")
        self._message = layout.argument("message")

    def before(self, values: Values) -> Any:
        """Have it weighed; what the layer sends to the members one by one is the same message."""
        group = plain_text(self._group(values))
        if group is None:
            return None
        sender = self._groups.sender()
        users = self._groups.users(group)
        known = [user for user in users if user is not None and user.kind is Kind.USER]
        message = Message(self.place, self._message(values), _LIBRARIES)
        if known:
            if len(known) == len(users) and all(same(user, known[0]) for user in known):
                self._groups.addressees.one(sender, known[0], message)
            self._groups.addressees.room(sender, group, known, message)
        sending = _Sending(current_unit().client)
        change_unit(client=sending)
        return sending

    def after(self, state: Any, _result: Any) -> None:
        """It is sent."""
        if current_unit().client is state:
            change_unit(client=state.client)

    def failed(self, state: Any, _error: BaseException) -> None:
        """It is not."""
        self.after(state, None)


class SendPoint(_Point):
    """Around ``send`` to one channel."""

    def __init__(self, place: str, groups: Groups, layout: Layout) -> None:
        super().__init__(place, groups, layout)
        self._channel = layout.argument("channel")
        self._message = layout.argument("message")

    def before(self, values: Values) -> None:
        """Have it weighed."""
        if type(current_unit().client) is _Sending:
            return
        receiver = self._groups.holders.of(plain_text(self._channel(values)))
        message = Message(self.place, self._message(values), _LIBRARIES)
        self._groups.addressees.one(self._groups.sender(), receiver, message)


integration = Channels()
