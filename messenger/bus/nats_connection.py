"""NATS connection: a URL and its secrets become a client of nats-py."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import nats.aio.client
import nats.errors
from nats.aio.subscription import Subscription

from .errors import BadUrl, BusError, Disconnected, Refused

OnNatsError = Callable[[Exception], Awaitable[None]]
OnChange = Callable[[], Awaitable[None]]

_DENIED = ("authorization violation", "authentication", "invalid user", "no credentials")


class Access:
    """Where a NATS server is, and what it lets in; its repr and its errors keep the secrets.

    See `NatsBus` for the keywords.

    Raises:
        BadUrl: the URL names no server, or says what a keyword says too.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credentials: str | Path | None = None,
        tls: ssl.SSLContext | str | Path | None = None,
        tls_hostname: str | None = None,
        name: str | None = None,
        connect_timeout_seconds: float = 5.0,
        connect_attempts: int = 1,
        reconnect_seconds: float = 2.0,
        reconnect_attempts: int | None = None,
        ping_seconds: float = 30.0,
        flush_timeout_seconds: float = 10.0,
        buffer_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        self.servers, in_url = _split(url)
        if in_url and (user or password or token or credentials):
            raise BadUrl(f"{self} is given twice whom to let in: in the URL, and by keyword; leave one out")
        if credentials is not None and not Path(credentials).is_file():
            raise BadUrl(f"{credentials} is no file with credentials; it is made by: nsc generate creds")
        self.attempts = connect_attempts * len(self.servers)
        self.connect_timeout_seconds = connect_timeout_seconds
        self.flush_timeout_seconds = flush_timeout_seconds
        self.reconnect_seconds, self.buffer_bytes = reconnect_seconds, buffer_bytes
        self.reconnect_attempts = -1 if reconnect_attempts is None else reconnect_attempts
        self.encrypted = tls is not None or url.startswith("tls:")
        self._secrets = {
            "user": user,
            "password": password,
            "token": token,
            "user_credentials": None if credentials is None else str(credentials),
        } | in_url
        self._rest = {
            "tls": _context(tls),
            "tls_hostname": tls_hostname,
            "name": name,
            "connect_timeout": connect_timeout_seconds,
            "reconnect_time_wait": reconnect_seconds,
            "ping_interval": ping_seconds,
            "pending_size": buffer_bytes,
            "flush_timeout": flush_timeout_seconds,
        }

    def __str__(self) -> str:
        return ",".join(self.servers)

    def __repr__(self) -> str:
        return f"<Access to {self}>"

    def keywords(self) -> dict[str, Any]:
        """Return what nats-py wants to know."""
        return {"servers": list(self.servers), **self._secrets, **self._rest}


class _Incoming(msgspec.Struct):
    """A message as nats-py hands it on; its own class takes five times as long to make."""

    subject: str
    reply: str
    data: bytes
    headers: dict[str, str] | None
    _client: nats.aio.client.Client
    _sid: int


class Client(nats.aio.client.Client):
    """The client of nats-py, which would not wait for its buffer, and do without encryption.

    up, down: whether there is a connection, as told by its callbacks.
    """

    msg_class = _Incoming  # type: ignore[assignment]  # it has what is asked of it here

    def __init__(self, *, encrypted: bool) -> None:
        super().__init__()
        self._encrypted = encrypted
        self.up, self.down = asyncio.Event(), asyncio.Event()

    async def flush(self, timeout: float = nats.aio.client.DEFAULT_FLUSH_TIMEOUT) -> None:
        """Wait until the server has all that was sent, subscriptions and their ends included.

        nats-py's PING overtakes what is buffered, so its answer says only that the buffer was written;
        the answer to a second one says that the server has read it. Without a connection nats-py's flush
        returns at once, and says nothing.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (await self._round_trip() and await self._round_trip()):
                    pass
        except TimeoutError:
            raise nats.errors.FlushTimeoutError from None

    async def _round_trip(self) -> bool:
        """Ask the server, and wait for its answer; False when the connection breaks meanwhile."""
        if self.is_connected and not self.up.is_set():  # nats-py asks, before it tells that all is well again
            await super().flush()
            return True
        await self.up.wait()
        asking = asyncio.ensure_future(super().flush())
        breaking = asyncio.ensure_future(self.down.wait())
        try:
            await asyncio.wait({asking, breaking}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()
            return asking.done() and (self.is_connected or self.is_closed)
        finally:
            asking.cancel()
            breaking.cancel()

    async def close(self) -> None:
        """Close; without a connection nats-py would fail halfway, or wait for ever for a failed handshake."""
        if not self.is_connected and not self.is_closed:
            self._pending, self._pending_data_size = [], 0
            transport, self._transport = self._transport, None
            if transport is not None:
                transport.close()  # type: ignore[no-untyped-call]
        await super().close()

    def forget(self, subscription: Subscription) -> None:
        """Let go of a subscription, whose own `drain` does not when it fails."""
        subscription._stop_processing()
        self._remove_sub(subscription._id)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Insist on TLS before the secrets are sent: nats-py takes what the server says, be it nothing."""
        if self._encrypted and initial_connection and not info.get("tls_required"):
            if not info.get("tls_available"):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)


async def dial(
    access: Access, *, on_error: OnNatsError, on_broken: OnChange, on_restored: OnChange, on_closed: OnChange
) -> Client:
    """Connect; what goes wrong later is told to *on_error*, and what goes wrong now is raised.

    Raises:
        Disconnected: nobody listens, or what listens is no NATS server.
        Refused: the server wants other secrets, or encryption that does not come about.
    """
    client = Client(encrypted=access.encrypted)
    failed = 0
    connected = False

    async def hear(error: Exception) -> None:
        nonlocal failed
        if connected:
            await on_error(error)
        elif (failed := failed + 1) >= access.attempts or _is_refusal(error):
            raise _failure(access, error) from error  # which nats-py lets through, and gives up

    try:
        async with asyncio.timeout(
            (access.connect_timeout_seconds + access.reconnect_seconds) * access.attempts + 1
        ):
            await client.connect(
                error_cb=hear,
                disconnected_cb=on_broken,
                reconnected_cb=on_restored,
                closed_cb=on_closed,
                max_reconnect_attempts=-1,
                **access.keywords(),
            )
    except BusError:
        await _abandon(client)
        raise
    except ImportError as error:
        raise Refused(f"credentials need nkeys ({error}); get it with: pip install nkeys") from error
    except (OSError, nats.errors.Error, ValueError) as error:
        await _abandon(client)
        raise _failure(access, error) from error
    client.options["max_reconnect_attempts"] = access.reconnect_attempts
    client._skip_subject_validation = True  # ours is stricter, and remembers what it has checked
    connected = True
    client.up.set()
    return client


async def _abandon(client: Client) -> None:
    """Let go of a connection that never was one; its callbacks would tell of a break."""
    client._disconnected_cb = client._closed_cb = None
    await client.close()


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, ssl.SSLError | nats.errors.SecureConnWantedError):
        return True
    return any(words in str(error).lower() for words in _DENIED)


def _failure(access: Access, error: Exception) -> BusError:
    what = str(error).removeprefix("nats: ") or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(f"{access} has a certificate that is not trusted ({what}); name its CA with tls=")
    if isinstance(error, ssl.SSLError):
        return Refused(f"{access} and we do not agree on encryption: {what}")
    if isinstance(error, nats.errors.SecureConnWantedError):
        return Refused(f"{access} offers no encryption, which tls asks for; nothing was sent to it")
    if _is_refusal(error):
        return Refused(f"{access} does not let us in: {what}; check user and password, token or credentials")
    return Disconnected(
        f"nobody answers at {access} ({what}); is the server running? "
        "One for this machine is started by: messenger bus serve nats"
    )


def _context(tls: ssl.SSLContext | str | Path | None) -> ssl.SSLContext | None:
    if tls is None or isinstance(tls, ssl.SSLContext):
        return tls
    try:
        return ssl.create_default_context(cafile=str(tls))
    except (OSError, ssl.SSLError) as error:
        raise BadUrl(f"cannot read certificates from {tls}: {error}; tls= names the file of a CA") from error


def _split(url: str) -> tuple[list[str], dict[str, str | None]]:
    """Part a URL, or several with commas between them, into servers without secrets, and the secrets."""
    scheme, _, places = url.partition("://")
    servers = []
    secrets: dict[str, str | None] = {}
    for place in places.split(","):
        place = place.removeprefix(f"{scheme}://")
        where = place.rpartition("@")[2]
        try:
            parts = urlsplit(f"{scheme}://{place}")
            host, port = parts.hostname, parts.port or 4222
        except ValueError:
            host, port = None, 0
        if not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise BadUrl(f"{scheme}://{where} names no NATS server; write nats://HOST:PORT")
        servers.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
        if parts.password is not None:
            secrets = {"user": unquote(parts.username or ""), "password": unquote(parts.password)}
        elif parts.username:
            secrets = {"token": unquote(parts.username)}
    return servers, secrets
