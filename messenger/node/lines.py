"""Reads of any size become whole lines."""


class LineBuffer:
    """Keeps the unfinished line between two reads; one longer than *limit_bytes* is dropped whole."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.dropped = 0
        self._unfinished: list[bytes] = []
        self._unfinished_bytes = 0
        self._dropping = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the lines that *chunk* completes, each with its newline; often that is *chunk* itself."""
        if self._dropping:
            chunk = self._after_newline(chunk)
        if not self._unfinished and chunk.endswith(b"\n"):
            return chunk
        complete = chunk.rfind(b"\n") + 1
        if not complete:
            self._keep(chunk)
            return b""
        lines = b"".join((*self._unfinished, chunk[:complete])) if self._unfinished else chunk[:complete]
        self._clear()
        self._keep(chunk[complete:])
        return lines

    def end(self) -> bytes:
        """Return the last line, which may lack its newline."""
        line = b"".join(self._unfinished)
        self._clear()
        return line

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._unfinished.append(part)
        self._unfinished_bytes += len(part)
        if self._unfinished_bytes > self.limit_bytes:
            self._clear()
            self._dropping = True
            self.dropped += 1

    def _clear(self) -> None:
        self._unfinished.clear()
        self._unfinished_bytes = 0

    def _after_newline(self, chunk: bytes) -> bytes:
        _, newline, rest = chunk.partition(b"\n")
        self._dropping = not newline
        return rest
