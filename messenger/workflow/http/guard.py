"""Guard: who may come in."""

import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import WorkflowError
from .refusal import HttpRefusal

TOKEN_VARIABLE = "MESSENGER_WORKFLOW_TOKEN"  # noqa: S105 - its name
LEAST_TOKEN = 16

_TOKEN = re.compile(rf"[!-~]{{{LEAST_TOKEN},1000}}", re.ASCII)
_HERE = re.compile(rb"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?", re.IGNORECASE)


class BadToken(WorkflowError, ValueError):
    """What is no token."""


class Guard:
    """Lets in who has *token*, or with None everybody; with *only_here*, by the names of this machine only.

    Without a token, a page that someone has open in a browser could speak to a server on the same machine:
    it sends an Origin, or comes by a name of its own that leads here.
    """

    def __init__(self, token: str | None, *, only_here: bool = False) -> None:
        self._expected = None if token is None else b"Bearer " + token.encode()
        self._only_here = only_here

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Let the request in.

        Raises:
            HttpRefusal: its client may not.
        """
        if self._expected is None:
            self._check_browser(headers)
            return
        given = headers.get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        # compare_digest takes as long wherever the two part.
        if scheme.lower() != b"bearer" or not hmac.compare_digest(b"Bearer " + token.strip(), self._expected):
            what = "is wrong" if given else "is missing"
            raise HttpRefusal(
                401,
                "unauthorized",
                f"the token {what}; send Authorization: Bearer TOKEN",
                headers=[(b"www-authenticate", b"Bearer")],
            )

    def _check_browser(self, headers: Mapping[bytes, bytes]) -> None:
        if b"origin" in headers:
            raise HttpRefusal(
                403, "cross_origin", "this comes from a page in a browser, which needs a server with a token"
            )
        if self._only_here and not _HERE.fullmatch(headers.get(b"host", b"localhost")):
            raise HttpRefusal(
                403, "wrong_host", "without a token, this is served as localhost and 127.0.0.1 only"
            )


def read_token(file: Path | None) -> str | None:
    """Return the token in *file*, or of MESSENGER_WORKFLOW_TOKEN; None when there is neither.

    Raises:
        BadToken: it is empty, short, or holds what no header can.
    """
    if file is not None:
        try:
            found, source = file.read_text("ascii").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadToken(f"the token cannot be read from {file}: {error}") from error
    elif (from_environment := os.environ.get(TOKEN_VARIABLE)) is not None:
        found, source = from_environment.strip(), TOKEN_VARIABLE
    else:
        return None
    if not _TOKEN.fullmatch(found):
        raise BadToken(
            f"the token of {source} has {len(found)} characters; write {LEAST_TOKEN} or more in a line, "
            "without blanks, such as those of: openssl rand -hex 32"
        )
    return found
