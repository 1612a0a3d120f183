"""ZeroMQ keys: CURVE encrypts a link, and says who is at its ends.

Source: ZeroMQ RFC 26, CurveZMQ. A certificate is what `zmq.auth` writes: NAME.key is public,
NAME.key_secret is not.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import zmq
from zmq.auth import create_certificates, load_certificate, load_certificates
from zmq.auth.thread import ThreadAuthenticator

from .errors import BadUrl


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of one end.

    secret: our own file, NAME.key_secret. server: to connect, the hub's NAME.key. clients: to serve, a
    folder with the NAME.key of everybody who may come in.
    """

    secret: str | Path
    server: str | Path | None = None
    clients: str | Path | None = None

    def connect_with(self, socket: "zmq.Socket[bytes]") -> None:
        """Let *socket* talk to that hub only, as ourselves."""
        if self.server is None:
            raise BadUrl("to connect with keys, give the hub's public one: Curve(secret=..., server=...)")
        socket.curve_publickey, socket.curve_secretkey = self._own()
        socket.curve_serverkey = _load(self.server)[0]

    def serve_with(self, socket: "zmq.Socket[bytes]") -> None:
        """Let *socket* accept encrypted connections only."""
        socket.curve_publickey, socket.curve_secretkey = self._own()
        socket.curve_server = True

    def guard(self, context: "zmq.Context[Any]") -> ThreadAuthenticator:
        """Let nobody into *context* but whose key is in the folder; whoever calls stops it."""
        if self.clients is None:
            raise BadUrl(
                "to serve with keys, name the folder of those who may come: Curve(secret=..., clients=...)"
            )
        folder = Path(self.clients)
        if not folder.is_dir() or not load_certificates(folder):
            raise BadUrl(f"{folder} holds no NAME.key, so nobody could come in; put there whose key is known")
        guard = ThreadAuthenticator(context)
        guard.start()
        guard.configure_curve(domain="*", location=folder)
        return guard

    def _own(self) -> tuple[bytes, bytes]:
        public, secret = _load(self.secret)
        if secret is None:
            raise BadUrl(f"{self.secret} holds a public key only; name the NAME.key_secret beside it")
        return public, secret


def write_keys(folder: str | Path, name: str) -> tuple[Path, Path]:
    """Make a pair of keys, *folder*/*name*.key and .key_secret, which only their owner can read."""
    before = os.umask(0o077)
    try:
        public, secret = create_certificates(folder, name)
    finally:
        os.umask(before)
    return Path(public), Path(secret)


def _load(path: str | Path) -> tuple[bytes, bytes | None]:
    try:
        return load_certificate(path)
    except (OSError, ValueError) as error:
        raise BadUrl(f"cannot read a key from {path}: {error}; write one with: messenger bus keys") from error
