"""Request: what a client asked for, read within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ..fields import field_problems
from ..json_value import MOST_BYTES
from ..problem import did_you_mean, first_problems
from .refusal import HttpRefusal

MOST_BODY_BYTES = MOST_BYTES + (64 << 10)
"""An input, and room for what is around it."""
BODY_SECONDS = 30.0
_MOST_DISCARDED_BYTES = 8 << 20
_DISCARD_SECONDS = 2.0
_MOST_PARAMETERS = 20

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Request:
    """A request; *names* are what the path says in the places that its route leaves open."""

    def __init__(self, scope: Scope, receive: Receive, names: tuple[str, ...] = ()) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.names = names
        self._query: bytes = scope["query_string"]
        self._receive = receive

    def parameters(self, *known: str) -> dict[str, str]:
        """Return what the query says.

        Raises:
            HttpRefusal: it says something that is not *known*, or one thing twice.
        """
        if not self._query:
            return {}
        try:
            pairs = parse_qsl(
                self._query.decode(),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=_MOST_PARAMETERS,
            )
        except ValueError as error:
            raise bad_query(f"the query cannot be read: {error}; write name=value&name=value") from error
        found = dict(pairs)
        for name in found:
            if name not in known:
                advice = did_you_mean(name[:100], known)
                raise bad_query(f"{name[:100]!r} is no parameter of this; {advice}")
        if len(found) != len(pairs):
            raise bad_query("a parameter is written twice; keep one")
        return found

    async def json(self, kind: type[_Struct], *, optional: bool = False) -> _Struct:
        """Read the body as a *kind*; without a body, when that is *optional*, as one of nothing but defaults.

        Raises:
            HttpRefusal: it is no JSON, has other fields, or is longer than `MOST_BODY_BYTES`.
        """
        body = await self.body()
        if optional and not body:
            return kind()
        self.check_content_type()
        try:
            return _decoder(kind).decode(body)
        except msgspec.ValidationError as error:
            raise _bad_fields(body, kind, error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_json(error) from error

    def check_content_type(self) -> None:
        """Refuse what is not said to be JSON: a page of another site cannot send that without asking.

        Raises:
            HttpRefusal: it is not.
        """
        said = self.headers.get(b"content-type", b"")
        encoding = self.headers.get(b"content-encoding", b"identity")
        if said.partition(b";")[0].strip().lower() != b"application/json":
            found = said.decode("latin-1")[:100] or "nothing"
            raise _bad_type(f"the content type is {found!r}; send Content-Type: application/json")
        if encoding.lower() != b"identity":
            raise _bad_type("the body has a content encoding; send it as it is")

    async def body(self) -> bytes:
        """Read the body.

        Raises:
            HttpRefusal: it is longer than `MOST_BODY_BYTES`, or does not come within `BODY_SECONDS`.
        """
        length = self.headers.get(b"content-length", b"0")
        if int(length) > MOST_BODY_BYTES:
            await self._discard()
            raise _too_large()
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            return message.get("body", b"")  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._rest_of_body(message)
        except TimeoutError as error:
            text = f"the body did not come within {BODY_SECONDS:g} s; send it faster"
            raise HttpRefusal(408, "too_slow", text, headers=[(b"connection", b"close")]) from error

    async def gone(self) -> None:
        """Return when the client has hung up; the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _rest_of_body(self, message: Mapping[str, Any]) -> bytes:
        parts, size = [], 0
        while message["type"] == "http.request":
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MOST_BODY_BYTES:
                del parts[:]
                await self._discard()
                raise _too_large()
            if not message.get("more_body"):
                return b"".join(parts)
            message = await self._receive()
        raise HttpRefusal(400, "hung_up", "the client hung up before the body was complete")

    async def _discard(self) -> None:
        """Read on for a while: who still sends when the connection is closed never sees what we answer."""
        if b"expect" in self.headers:  # it asks before it sends
            return
        discarded = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while discarded <= _MOST_DISCARDED_BYTES:
                    message = await self._receive()
                    discarded += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return


def bad_query(text: str) -> HttpRefusal:
    """Return the refusal of a query."""
    return HttpRefusal(400, "bad_query", text)


def not_json(error: Exception) -> HttpRefusal:
    """Return the refusal of a body that no JSON reader takes."""
    why = {UnicodeDecodeError: "it is not UTF-8", RecursionError: "it is too deep"}.get(type(error))
    return HttpRefusal(400, "not_json", f"the body is not JSON: {why or error}; send a JSON object in UTF-8")


def _bad_fields(body: bytes, kind: type[msgspec.Struct], error: msgspec.ValidationError) -> HttpRefusal:
    """Say all that is wrong: the decoder has stopped at the first."""
    try:
        problems = first_problems(field_problems(msgspec.json.decode(body), kind))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as worse:
        return not_json(worse)
    message = "; ".join(map(str, problems)) or str(error)
    return HttpRefusal(400, "bad_fields", message, problems)


def _bad_type(text: str) -> HttpRefusal:
    return HttpRefusal(415, "bad_content_type", text)


def _too_large() -> HttpRefusal:
    return HttpRefusal(
        413,
        "too_large",
        f"the body takes more than {MOST_BODY_BYTES:,} bytes; keep the input elsewhere, and send where",
        headers=[(b"connection", b"close")],
    )


_decoders: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}


def _decoder(kind: type[_Struct]) -> "msgspec.json.Decoder[_Struct]":
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]
