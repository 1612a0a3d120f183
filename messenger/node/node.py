"""A node: bytes in, bytes out, and what it remembers in between."""

import itertools
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msgspec import Struct

from .complaints import Complaints
from .dispatch import Reply, Waiting, dispatch, settle
from .handlers import Handlers
from .later import AfterFlush
from .message import PRECONDITION_FAILED, Error, Init, InitOk, Message
from .parse import parse_lines
from .serialize import serialize_lines
from .statistics import Statistics

if TYPE_CHECKING:
    from asyncio import Task

Handler = TypeVar("Handler", bound=Callable[[Any], Any])


class Limits(Struct, frozen=True):
    """What a node lets others cost it.

    max_in_flight: requests whose handlers wait; above it stdin is not read until half are answered.
    max_line_bytes: a longer line is dropped with a complaint.
    drain_seconds: how long after SIGTERM or SIGINT requests may take to be answered.
    """

    max_in_flight: int = 10_000
    max_line_bytes: int = 64 << 20
    drain_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not (value := getattr(self, name)) > 0:
                raise ValueError(f"{name} is {value}; it must be more than 0")


class Node:
    r"""A Maelstrom node.

    >>> from messenger.node import serialize
    >>> node = Node()
    >>> @node.on
    ... def double(body: dict) -> dict:
    ...     return {"type": "double_ok", "value": body["value"] * 2}
    >>> init = {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]}
    >>> _ = node.receive(serialize(Message("c1", "n1", init)))
    >>> node.receive(b'{"src":"c1","dest":"n1","body":{"type":"double","msg_id":2,"value":21}}')
    b'{"src":"n1","dest":"c1","body":{"type":"double_ok","value":42,"in_reply_to":2,"msg_id":1}}\n'

    A node belongs to one thread.  Its handlers run one after the other: between two of them, and
    between two waits of one, nothing else changes the state they share.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.node_id = ""
        self.node_ids: list[str] = []
        self.statistics = Statistics()
        self.received_ns = 0
        """When the batch that is being handled was read, in `time.perf_counter_ns`."""
        self.complaints = Complaints()
        self.in_flight = 0
        self.wake: Callable[[], None] = lambda: None
        """Called when a handler that waited has answered: `finished` has something to write."""
        self.handlers = Handlers(self._init, self.complaints)
        self._msg_ids = itertools.count()
        self._unwritten: list[tuple[int, int]] = []
        self._after_flush: list[tuple[Message[Any], AfterFlush, int]] = []
        self._finished: list[Reply] = []

    @overload
    def on(self, type_: Handler) -> Handler: ...
    @overload
    def on(self, type_: str | None = None, *, after_flush: bool = False) -> Callable[[Handler], Handler]: ...
    def on(self, type_: Any = None, *, after_flush: bool = False) -> Any:
        """Register a handler: a (coroutine) function of the body that returns the reply's body or None.

        It is decoded as the `Body` its parameter is annotated with, which also gives the message type;
        otherwise it is a dict, and the type is *type_* or the name of the function.
        With *after_flush* it is called when every reply before its own has been written.
        What it raises becomes error 13; SystemExit ends the node at once, unwritten replies and all.
        """
        if not callable(type_) and not isinstance(type_, str | None):
            raise TypeError(f"on() takes a message type, such as 'echo', not {type_!r:.80}")
        if callable(type_):
            self.handlers.add(type_, None, after_flush=after_flush)
            return type_

        def register(function: Handler) -> Handler:
            self.handlers.add(function, type_, after_flush=after_flush)
            return function

        return register

    @property
    def waits(self) -> bool:
        """Whether a handler is a coroutine function, so that an event loop must run."""
        return self.handlers.waits

    def receive(self, lines: bytes) -> bytes:
        """Handle whole *lines*; return the lines to write, of those that need not wait.

        Call `flushed` when they are written, even if there are none.
        """
        self.received_ns = received_ns = perf_counter_ns()
        messages = parse_lines(lines, self.handlers.types)
        parsed_ns = perf_counter_ns()
        replies, waiting = dispatch(messages, self.handlers, self._msg_ids)
        dispatched_ns = perf_counter_ns()
        output = serialize_lines(replies) if replies else b""
        self.statistics.batch(len(messages), received_ns, parsed_ns, dispatched_ns, perf_counter_ns())
        if replies:
            self._unwritten.append((received_ns, len(replies)))
        if waiting:
            self._wait_for(waiting, received_ns)
        return output

    def flushed(self) -> bytes:
        """Note that everything so far has been written; return the lines that waited for that."""
        if self._unwritten:
            now_ns = perf_counter_ns()
            for received_ns, replies in self._unwritten:
                self.statistics.latency.record(now_ns - received_ns, replies)
            self._unwritten.clear()
        if not self._after_flush:
            return b""
        due, self._after_flush = self._after_flush, []
        for request, later, received_ns in due:
            self._settle(request, later.call, received_ns)
        return self.finished()

    def finished(self) -> bytes:
        """Return the lines of handlers that waited and have answered since the last call."""
        replies, self._finished = self._finished, []
        return serialize_lines(replies) if replies else b""

    def run(self) -> None:
        """Serve stdin and stdout until the input ends or SIGTERM comes, then answer what is in flight.

        Raises:
            SystemExit: stdout was closed with replies still to write (1).
        """
        if self.waits:
            from .event_loop import serve
        else:
            from .stdio import serve
        serve(self)

    def _init(self, request: Init) -> InitOk | Error:
        if self.node_id and (request.node_id, request.node_ids) != (self.node_id, self.node_ids):
            return Error(code=PRECONDITION_FAILED, text=f"this node is {self.node_id!r} already")
        self.node_id, self.node_ids = request.node_id, request.node_ids
        self.handlers.open()
        return InitOk()

    def _wait_for(self, waiting: list[Waiting], received_ns: int) -> None:
        for request, later in waiting:
            if isinstance(later, AfterFlush):
                self._after_flush.append((request, later, received_ns))
                continue
            from .tasks import resume

            self.in_flight += 1
            resume(later).add_done_callback(partial(self._done, request, received_ns))

    def _done(self, request: Message[Any], received_ns: int, task: "Task[Any]") -> None:
        self.in_flight -= 1
        self._settle(request, task.result, received_ns)
        self.wake()

    def _settle(self, request: Message[Any], result: Callable[[], Any], received_ns: int) -> None:
        replies, waiting = settle(request, result, self.handlers, self._msg_ids)
        if replies:
            self._finished += replies
            self._unwritten.append((received_ns, len(replies)))
        self._wait_for(waiting, received_ns)
