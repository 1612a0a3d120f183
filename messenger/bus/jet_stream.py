"""JetStream: streams that keep what is published, and durable subscriptions to them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec
import nats.errors

from .bus import Durable, Wanted
from .delivery import Delivery, delivery_of
from .errors import BusError, NoResponders, RequestTimeout, Unsupported
from .mailbox import Mailbox, Reader
from .message import Message
from .nats_connection import Client
from .pull import Pull
from .subject import BadSubject

Storage = Literal["file", "memory"]

ANSWER_SECONDS = 5.0
DUPLICATES_SECONDS = 120  # within which a stream stores one id once

_NANOSECONDS = 1_000_000_000
_RETRY_SECONDS = 0.1  # after the first failure of a handler, and twice as long after each further one
_BURY_AGAIN_SECONDS = 1.0  # when a dead letter found nobody
_NOT_FOUND = 10014, 10059  # error codes of JetStream: no such consumer, no such stream
_NAME_IN_USE = 10058
_FORBIDDEN = set(".*>/\\ \t\r\n")


class Connected(Protocol):
    """What of `NatsBus` is needed here."""

    async def request(
        self, subject: str, message: object, timeout: float, *, headers: Mapping[str, str] | None = None
    ) -> Message:
        """Send, and wait for a reply."""

    async def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send."""


class _Failed(BusError):
    """What JetStream answered instead of doing it."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(
            f"{error.get('description', 'failed')} (JetStream error {error.get('err_code', '?')})"
        )
        self.code = error.get("err_code")


class JetStream:
    """The streams of one connection, and its durable subscriptions."""

    def __init__(self, bus: Connected, client: Client, on_error: Callable[[Exception], None]) -> None:
        self._bus, self._client, self._on_error = bus, client, on_error
        self._durables: dict[tuple[str, str], Durable] = {}
        self._pulls: set[Pull] = set()

    async def add_stream(
        self,
        name: str,
        subjects: Sequence[str],
        *,
        max_age_seconds: float | None = None,
        max_bytes: int | None = None,
        max_messages: int | None = None,
        storage: Storage = "file",
        drop_oldest: bool = False,
    ) -> None:
        """Let the server keep what is published to *subjects*, which may hold wildcards; again is no harm.

        What is older than *max_age_seconds* is removed. A stream that has reached *max_bytes* or
        *max_messages* refuses more, or with *drop_oldest* removes what is oldest, acknowledged or not.

        Raises:
            Unsupported: there is a stream of this name with other settings, or one with these subjects.
        """
        age = int((max_age_seconds or 0) * _NANOSECONDS)
        wanted: dict[str, Any] = {
            "name": name,
            "subjects": sorted(subjects),
            "max_age": age,
            "max_bytes": -1 if max_bytes is None else max_bytes,
            "max_msgs": -1 if max_messages is None else max_messages,
            "storage": storage,
            "discard": "old" if drop_oldest else "new",
            "retention": "limits",
        }
        longest = DUPLICATES_SECONDS * _NANOSECONDS
        window = {"duplicate_window": min(age or longest, longest)}
        _check_name("stream", name)
        try:
            await self._ask(f"STREAM.CREATE.{name}", wanted | window)
        except _Failed as error:
            if error.code != _NAME_IN_USE:
                raise Unsupported(f"cannot make stream {name!r}: {error}") from error
            present = (await self._ask(f"STREAM.INFO.{name}"))["config"]
            present["subjects"] = sorted(present["subjects"])
            if differing := [
                f"{key}={present.get(key)!r} and not {value!r}"
                for key, value in wanted.items()
                if present.get(key) != value
            ]:
                raise Unsupported(
                    f"stream {name!r} exists, with {', '.join(differing)}; "
                    "use another name, or change it with the nats command"
                ) from error

    async def publish(
        self, subject: str, message: object, id: str | None, headers: Mapping[str, str] | None
    ) -> int:
        """Publish, and return the sequence number; see `NatsBus.publish_durable`."""
        if id is not None:
            headers = {**(headers or {}), "Nats-Msg-Id": id}
        try:
            answer = await self._bus.request(subject, message, ANSWER_SECONDS, headers=headers)
        except NoResponders:
            raise _no_stream(subject) from None
        except RequestTimeout as error:
            raise RequestTimeout(
                f"no stream has confirmed a message to {subject!r} within {ANSWER_SECONDS:g} s; "
                "whether it is stored is not known: publish it again with the same id"
            ) from error
        try:
            stored = msgspec.json.decode(answer.data, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Unsupported(f"no stream keeps {subject!r}, but somebody answers requests to it") from error
        if failure := stored.get("error"):
            raise Unsupported(f"the stream of {subject!r} has refused a message: {_Failed(failure)}")
        return int(stored["seq"])

    async def attach(
        self, wanted: Wanted, durable: Durable
    ) -> tuple[Reader[Message], Callable[[bool], Awaitable[None]]]:
        """Begin a durable subscription."""
        pattern = wanted.pattern
        _check(wanted, durable)
        stream = await self._stream_of(pattern)
        await self._add_consumer(stream, wanted, durable)
        self._durables[stream, durable.name] = durable
        box = Mailbox[Message](f"{pattern} durable as {durable.name}", wanted.limit, "block", self._on_error)
        pull = Pull(self._client, stream, durable, wanted.limit, box, self._take, self._on_error)
        await pull.start()
        self._pulls.add(pull)

        async def leave(forget: bool) -> None:
            await pull.stop()
            if forget:
                self._pulls.discard(pull)
                await pull.release()
            box.end(forget=forget)

        return Reader(box), leave

    def ask_again(self) -> None:
        """Ask for messages again, as the server has forgotten what was asked before a break."""
        for pull in self._pulls:
            pull.ask_again()

    async def shut(self) -> None:
        """Ask for nothing any more, and end what still reads."""
        for pull in tuple(self._pulls):
            await pull.release()
            pull.box.end()
        self._pulls.clear()

    async def ack(self, message: Message) -> None:
        """Acknowledge, and wait until the server has confirmed it."""
        about = delivery_of(message)
        try:
            await self._bus.request(str(message.reply_to), b"+ACK", ANSWER_SECONDS)
        except NoResponders:
            raise BusError(
                f"cannot acknowledge number {about.sequence} of stream {about.stream!r}: the stream, or "
                f"{about.consumer!r} of it, is gone"
            ) from None

    async def nak(self, message: Message, delay_seconds: float, reason: str = "refused") -> None:
        """Let *message* come again after a while, or go to the dead letters if this was the last time."""
        about = delivery_of(message)
        durable = self._durables.get((about.stream, about.consumer))
        if durable is not None and about.deliveries >= durable.deliveries_most and not _is_dead(message):
            await self._bury(message, about, durable, reason)
            return
        await self._bus.publish(str(message.reply_to), _nak(delay_seconds))

    async def settle(self, message: Message, error: Exception | None) -> None:
        """Acknowledge what a handler has dealt with, and let come again what it could not, a little later."""
        try:
            if error is None:
                await self._bus.publish(str(message.reply_to), b"+ACK")
                return
            about = delivery_of(message)
            durable = self._durables.get((about.stream, about.consumer))
            longest = durable.ack_wait_seconds if durable else ANSWER_SECONDS
            later = min(_RETRY_SECONDS * 2 ** min(about.deliveries - 1, 20), longest)
            await self.nak(message, later, f"{type(error).__name__}: {error}")
        except BusError as failure:  # it comes again when its acknowledgement is overdue
            self._on_error(failure)

    async def _take(self, message: Message) -> bool:
        """Claim that *message* is to be read; what has come too often goes to the dead letters."""
        about = delivery_of(message)
        durable = self._durables[about.stream, about.consumer]
        if about.deliveries <= durable.deliveries_most or _is_dead(message):
            return True
        try:
            await self._bury(message, about, durable, "not acknowledged in time")
        except BusError as error:
            self._on_error(error)
        return False

    async def _bury(self, message: Message, about: Delivery, durable: Durable, reason: str) -> None:
        """Publish *message* as a dead letter and, when somebody has it, let the stream deliver it no more.

        A crash in between lets it be buried again; the id keeps a stream from storing it twice.
        """
        subject = durable.dead_letter or f"dead.{message.subject}"
        kept = {key: value for key, value in (message.headers or {}).items() if not key.startswith("Nats-")}
        headers = kept | {
            "Dead-Letter-Reason": " ".join(reason.split())[:1000],
            "Dead-Letter-Subject": message.subject,
            "Dead-Letter-Stream": about.stream,
            "Dead-Letter-Sequence": str(about.sequence),
            "Dead-Letter-Deliveries": str(about.deliveries),
        }
        try:
            if await self._names(subject):
                id = f"{about.consumer}.{about.stream}.{about.sequence}"
                await self.publish(subject, message.data, id, headers)
            else:
                await self._tell_somebody(subject, message.data, headers)
        except BusError as error:
            await self._bus.publish(str(message.reply_to), _nak(_BURY_AGAIN_SECONDS))
            raise BusError(
                f"number {about.sequence} of stream {about.stream!r} was delivered {about.deliveries} times, "
                f"and cannot go to {subject!r}: {error}; it is tried again"
            ) from error
        await self._bus.publish(str(message.reply_to), b"+TERM")
        self._on_error(
            BusError(
                f"number {about.sequence} of stream {about.stream!r} is a dead letter at {subject!r} "
                f"after {about.deliveries} deliveries: {reason}"
            )
        )

    async def _tell_somebody(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        """Publish to who listens now; that nobody does is known when the server has answered a flush."""
        inbox = self._client.new_inbox()
        answers = await self._client.subscribe(inbox)
        try:
            await self._bus.publish(subject, data, headers=headers, reply_to=inbox)
            await self._client.flush()
            while answers.pending_msgs:
                answer = await answers.next_msg()
                if answer.headers and answer.headers.get("Status") == "503":
                    raise _no_stream(subject)
        except nats.errors.Error as error:
            raise BusError(str(error).removeprefix("nats: ")) from error
        finally:
            await answers.unsubscribe()

    async def _stream_of(self, pattern: str) -> str:
        match await self._names(pattern):
            case [stream]:
                return stream
            case []:
                raise _no_stream(pattern)
            case streams:
                raise Unsupported(
                    f"{pattern!r} is kept by the streams {', '.join(streams)}; a durable subscription reads "
                    "one: name subjects of one only"
                )

    async def _names(self, subject: str) -> list[str]:
        found = await self._ask("STREAM.NAMES", {"subject": subject})
        return list(found.get("streams") or [])

    async def _add_consumer(self, stream: str, wanted: Wanted, durable: Durable) -> None:
        config = {
            "durable_name": durable.name,
            "filter_subject": wanted.pattern,
            "ack_policy": "explicit",
            "ack_wait": int(durable.ack_wait_seconds * _NANOSECONDS),
            "max_deliver": -1,  # the server would stop in silence, and nobody would have the last word
            "max_ack_pending": wanted.limit,
            **_start(durable.start),
        }
        try:
            present = (await self._ask(f"CONSUMER.INFO.{stream}.{durable.name}"))["config"]
        except _Failed as error:
            if error.code not in _NOT_FOUND:
                raise
        else:
            if present.get("deliver_subject") or present.get("filter_subject") != wanted.pattern:
                raise Unsupported(
                    f"{durable.name!r} of stream {stream!r} subscribes to {present.get('filter_subject')!r}, "
                    f"and not to {wanted.pattern!r}; choose another durable name"
                )
            for key in ("deliver_policy", "opt_start_seq", "opt_start_time"):  # it goes on where it stopped
                config.pop(key, None)
                if key in present:
                    config[key] = present[key]
        await self._ask(
            f"CONSUMER.DURABLE.CREATE.{stream}.{durable.name}", {"stream_name": stream, "config": config}
        )

    async def _ask(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = b"" if body is None else msgspec.json.encode(body)
        try:
            answer = await self._bus.request(f"$JS.API.{call}", data, ANSWER_SECONDS)
        except NoResponders:
            raise Unsupported(
                "this NATS server keeps no messages; start it with JetStream: "
                "messenger bus serve nats --jetstream, or nats-server -js"
            ) from None
        result = msgspec.json.decode(answer.data, type=dict[str, Any])
        if failure := result.get("error"):
            raise _Failed(failure)
        return result


def _nak(delay_seconds: float) -> bytes:
    return b"-NAK " + msgspec.json.encode({"delay": int(max(delay_seconds, 0) * _NANOSECONDS)})


def _is_dead(message: Message) -> bool:
    """Claim that *message* is itself a dead letter, which is not buried again but comes until dealt with."""
    return message.headers is not None and "Dead-Letter-Stream" in message.headers


def _no_stream(subject: str) -> Unsupported:
    return Unsupported(
        f"no stream keeps {subject!r}; make one, on a server with JetStream: "
        f"bus.add_stream(NAME, [{subject!r}])"
    )


def _check_name(what: str, name: str) -> None:
    if not name or _FORBIDDEN & set(name) or not name.isprintable():
        raise BadSubject(f"{name!r} is no name for a {what}; write one without dots, blanks, * > / and \\")


def _check(wanted: Wanted, durable: Durable) -> None:
    _check_name("durable subscription", durable.name)
    if wanted.queue_group is not None:
        raise Unsupported(
            f"whoever subscribes as {durable.name!r} shares already; "
            f"leave out queue_group={wanted.queue_group!r}"
        )
    if durable.ack_wait_seconds <= 0 or durable.deliveries_most < 1:
        raise ValueError(
            f"ack_wait_seconds={durable.ack_wait_seconds} must be above 0, and "
            f"deliveries_most={durable.deliveries_most} at least 1"
        )


def _start(start: str | int | datetime) -> dict[str, Any]:
    if isinstance(start, datetime):
        time = start.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"deliver_policy": "by_start_time", "opt_start_time": time}
    if isinstance(start, int):
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": start}
    return {"deliver_policy": {"first": "all", "next": "new"}[start]}
