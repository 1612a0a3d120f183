"""A node: bytes in, bytes out, and what it remembers in between."""

import itertools
from collections import Counter
from collections.abc import Callable
from functools import cached_property, partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .complaints import Complaints
from .courier import Courier
from .dispatch import Answer, Resumed, Waiting, dispatch, reply, settle
from .errors import PreconditionFailed
from .handlers import Handlers, Wishes
from .later import AfterFlush, Held, Later, Parked
from .limits import Limits
from .message import Body, Error, Init, InitOk, Message, Topology, TopologyOk
from .parse import parse_lines
from .serialize import serialize_lines
from .statistics import Statistics

if TYPE_CHECKING:
    from asyncio import Task
    from concurrent.futures import ThreadPoolExecutor
    from logging import LoggerAdapter

    from .call import Call
    from .tasks import Stages
    from .timers import Timers

Handler = TypeVar("Handler", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[], Any])
ReplyBody = TypeVar("ReplyBody", bound=Body)

RPC_TIMEOUT_SECONDS = 1.0


class Node:
    r"""A Maelstrom node.

    >>> from messenger.node import serialize
    >>> node = Node()
    >>> @node.on
    ... def double(value: int) -> dict:
    ...     return {"value": value * 2}
    >>> init = {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]}
    >>> _ = node.receive(serialize(Message("c1", "n1", init)))
    >>> node.receive(b'{"src":"c1","dest":"n1","body":{"type":"double","msg_id":2,"value":21}}')
    b'{"src":"n1","dest":"c1","body":{"value":42,"type":"double_ok","in_reply_to":2,"msg_id":1}}\n'

    A node belongs to one thread.  Its handlers run one after the other: between two of them, and
    between two waits of one, nothing else changes the state they share.  A blocking handler runs in a
    thread of its own; from there only `send`, `broadcast` and `rpc_blocking` may be used.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.node_id = ""
        self.node_ids: list[str] = []
        self.neighbours: list[str] = []
        """Whom the `topology` message names, every peer until then."""
        self.statistics = Statistics()
        self.received_ns = 0
        """When the batch that is being handled was read, in `time.perf_counter_ns`."""
        self.complaints = Complaints()
        self.in_flight = 0
        self.wake: Callable[[], None] = lambda: None
        """Called when there is something to write that no `receive` returns: see `finished`."""
        self.stop: Callable[[], None] = lambda: None
        """End the input, as SIGTERM does: what is in flight is answered, then `run` returns.

        For handlers and timers: from another thread it is noticed at the next input only.
        """
        self.handlers = Handlers(self._init, self._topology, self.complaints, self._replied)
        self._msg_ids = itertools.count()
        self._refusing = self._paused = self._starting = False
        self._courier = Courier(self._msg_ids, self._posted, self._time_is_over)
        self._late: list[int] = []
        self._unwritten: list[tuple[int, int]] = []
        self._after_flush: list[tuple[Message[Any], AfterFlush, int]] = []
        self._held: list[Message[Any]] = []
        self._init_hooks: list[Callable[[], Any]] = []
        self._stages: Stages | None = None
        self._timers: Timers | None = None

    @overload
    def on(self, type_: Handler) -> Handler: ...
    @overload
    def on(
        self,
        type_: str | None = None,
        *,
        after_flush: bool = False,
        blocking: bool = False,
        sequential: bool = False,
    ) -> Callable[[Handler], Handler]: ...
    def on(
        self,
        type_: Any = None,
        *,
        after_flush: bool = False,
        blocking: bool = False,
        sequential: bool = False,
    ) -> Any:
        """Register a handler: a (coroutine) function that returns the reply's body, or None for no reply.

        It takes a `Body`, whose annotation also gives the message type; or a dict, in a parameter called
        body; or the fields of the body by name. Without a Body the type is *type_* or the function's name. A
        parameter annotated as `Message` gets the whole message. A dict that is returned without a type gets
        the request's and `_ok`.

        after_flush: it is called when every reply before its own has been written.
        blocking: it runs in a thread, and may take its time.
        sequential: the next request waits until this one is answered, where the handler waits.

        An `RPCError` that it raises is the reply, anything else error 13; SystemExit ends the node at once,
        unwritten replies and all.
        """
        if not callable(type_) and not isinstance(type_, str | None):
            raise TypeError(f"on() takes a message type, such as 'echo', not {type_!r:.80}")
        wishes = Wishes(after_flush=after_flush, blocking=blocking, sequential=sequential)
        if callable(type_):
            self.handlers.add(type_, None, wishes, self._waiting)
            return type_

        def register(function: Handler) -> Handler:
            self.handlers.add(function, type_, wishes, self._waiting)
            return function

        return register

    def on_init(self, hook: Hook) -> Hook:
        """Call *hook* once the node knows who it is; what it waits for is awaited before init_ok."""
        self._init_hooks.append(hook)
        self._allow_waiting()
        return hook

    def every(self, seconds: float, *, jitter: float = 0.1) -> Callable[[Hook], Hook]:
        """Call a (coroutine) function every so many seconds, more or less, from init on; see `Timer`."""
        return self._timer(seconds, jitter, repeated=True)

    def after(self, seconds: float, *, jitter: float = 0.0) -> Callable[[Hook], Hook]:
        """Call a (coroutine) function once, so many seconds after init, or from now if that is past."""
        return self._timer(seconds, jitter, repeated=False)

    @property
    def peers(self) -> list[str]:
        """Every node but this one."""
        return [node_id for node_id in self.node_ids if node_id != self.node_id]

    @property
    def log(self) -> "LoggerAdapter[Any]":
        """A logger that says which node speaks; it is heard on stderr, never on stdout."""
        from .logs import logger_of

        return logger_of(self)

    def send(self, dest: str, body: Body | dict[str, Any]) -> None:
        """Send a message that nobody replies to, from any thread.

        Raises:
            ValueError: nobody is called *dest*.
            UnserializableMessage: the body holds what JSON cannot.
        """
        self._courier.send(dest, body)

    def broadcast(self, body: Body | dict[str, Any]) -> None:
        """Send *body* to every other node."""
        for peer in self.peers:
            self.send(peer, body)

    def reply(self, request: Message[Any], body: Body | dict[str, Any]) -> None:
        """Answer *request* now, besides what its handler returns."""
        answer = reply(request, body, self._msg_ids)
        self._courier.outbox.messages.append(answer)
        if not self._courier.busy:
            self.wake()

    @overload
    def rpc(
        self, dest: str, body: Body | dict[str, Any], *, timeout_seconds: float = ...
    ) -> "Call[dict[str, Any]]": ...
    @overload
    def rpc(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: type[ReplyBody],
        *,
        timeout_seconds: float = ...,
    ) -> "Call[ReplyBody]": ...
    def rpc(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: Any = None,
        *,
        timeout_seconds: float = RPC_TIMEOUT_SECONDS,
    ) -> Any:
        """Send a request; await what is returned for the reply, or give it a callback.

        The reply is a dict, or a *reply_type*, which is decoded faster. Awaiting raises the `RPCError` that
        the peer sent, or `Timeout`. A handler that awaits it goes on in the batch that brings the reply.

        Raises:
            ValueError: nobody is called *dest*.
            RuntimeError: no event loop is running; see `waits`.
        """
        if reply_type is not None:
            self.handlers.expect(reply_type)
        return self._courier.call(dest, body, reply_type, timeout_seconds)

    def rpc_blocking(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: Any = None,
        *,
        timeout_seconds: float = RPC_TIMEOUT_SECONDS,
    ) -> Any:
        """Do as `rpc` in another thread, such as a blocking handler's; return the reply."""
        start = partial(self.rpc, dest, body, reply_type, timeout_seconds=timeout_seconds)
        return self._courier.call_blocking(start, timeout_seconds)

    def introduce(self, dest: str) -> None:
        """Let messages be sent to *dest*, which is neither a node nor one of Maelstrom's services."""
        self._courier.outbox.introduce(dest)

    @property
    def waits(self) -> bool:
        """Whether an event loop must run: for coroutine functions, blocking handlers, hooks or timers."""
        return self.handlers.waits

    def full(self) -> bool:
        """Claim that nothing more should be read now: too many requests wait, and none of them for a reply.

        Where one does, the node has to read on, and refuses other requests from now on. Ask after each batch.
        """
        if self.in_flight <= self.limits.max_in_flight // 2:
            if self._refusing:
                self.handlers.open()
            self._refusing = self._paused = False
        elif self._refusing or (self.in_flight < self.limits.max_in_flight and not self._paused):
            return False
        elif self._courier.waits:
            self.handlers.refuse()
            self._refusing, self._paused = True, False
        else:
            self._paused = True
        return self._paused

    def receive(self, lines: bytes) -> bytes:
        """Handle whole *lines*; return the lines to write, of those that need not wait.

        Call `flushed` when they are written, even if there are none.
        """
        self.received_ns = received_ns = perf_counter_ns()
        messages = parse_lines(lines, self.handlers.types)
        parsed_ns = perf_counter_ns()
        courier = self._courier
        outbox, courier.busy = courier.outbox, True
        sending = outbox.messages
        try:
            if self._stages is None:
                _, waiting = dispatch(messages, self.handlers, self._msg_ids, sending)
            else:
                with self._stages.entered():
                    _, waiting = dispatch(messages, self.handlers, self._msg_ids, sending)
        finally:
            courier.busy = False
        dispatched_ns = perf_counter_ns()
        if waiting:
            self._wait_for(waiting, received_ns)
        output = b""
        if sending:
            replies = len(sending) - outbox.posted - len(self._late)
            output = serialize_lines(sending)
            sending.clear()
            outbox.posted = 0
            if replies > 0:
                self._unwritten.append((received_ns, replies))
        if self._late:
            self._note_late()
        self.statistics.batch(len(messages), received_ns, parsed_ns, dispatched_ns, perf_counter_ns())
        return output

    def flushed(self) -> bytes:
        """Note that everything so far has been written; return the lines that waited for that."""
        if self._unwritten:
            now_ns = perf_counter_ns()
            for received_ns, replies in self._unwritten:
                self.statistics.written(now_ns - received_ns, replies)
            self._unwritten.clear()
        if not self._after_flush:
            return b""
        due, self._after_flush = self._after_flush, []
        for request, later, received_ns in due:
            self._settle(request, later.call, received_ns)
        return self.finished()

    def finished(self) -> bytes:
        """Return the lines that have come to be since the last call, outside of `receive`."""
        messages = self._courier.outbox.take()
        return serialize_lines(messages) if messages else b""

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
        if self._timers is not None:
            self._timers.stop()

    def _init(self, request: Init) -> Answer | Later:
        if self.node_id and (request.node_id, request.node_ids) != (self.node_id, self.node_ids):
            return Error(code=PreconditionFailed.code, text=f"this node is {self.node_id!r} already")
        if self._starting:
            return Held()
        first = not self.node_id
        self.node_id, self.node_ids = request.node_id, request.node_ids
        self.neighbours = self.neighbours or self.peers
        self._courier.outbox.address(self.node_id, self.node_ids)
        if self._init_hooks and first:
            self._starting = True
            self.handlers.hold()
            return self._run_hooks()
        self._open()
        return InitOk()

    def _topology(self, request: Topology) -> TopologyOk:
        self.neighbours = request.topology.get(self.node_id, self.peers)
        return TopologyOk()

    def _open(self) -> None:
        self._starting = False
        self.handlers.open()
        if self._timers is not None or self._held:
            from asyncio import get_running_loop

            loop = get_running_loop()
            if self._timers is not None:
                self._timers.start(loop)
            loop.call_soon(self._release)

    def _release(self) -> None:
        """Handle what came while hooks ran; init_ok has been said by now."""
        held, self._held = self._held, []
        for message in held:
            handle = partial(self.handlers.handle, message)
            self._settle(message, handle, perf_counter_ns())
        self.wake()

    def _allow_waiting(self) -> "Stages":
        from .tasks import Stages

        self.handlers.waits = True
        self._stages = self._stages or Stages(self._courier.use)
        return self._stages

    def _waiting(self, function: Callable[..., Any], wishes: Wishes, plain: bool) -> Callable[..., Any]:
        """Wrap a handler that may wait; see `Handlers.add`."""
        from .tasks import blocking, sequential, until_first_wait

        if wishes.blocking:
            function = blocking(function, self._threads)
        if wishes.sequential:
            function = sequential(function)
        return until_first_wait(function, self._allow_waiting(), plain=plain)

    @cached_property
    def _threads(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.limits.threads, thread_name_prefix="messenger")

    def _run_hooks(self) -> Answer | Later:
        from .tasks import hooks, until_first_wait

        run = hooks(self._init_hooks, done=self._open, failed=self._hooks_failed)
        return until_first_wait(run, self._allow_waiting())()  # type: ignore[no-any-return]

    def _hooks_failed(self) -> None:
        from asyncio import get_running_loop

        self._starting, self.node_id = False, ""
        self.handlers.close()
        get_running_loop().call_soon(self._release)

    def _timer(self, seconds: float, jitter: float, *, repeated: bool) -> Callable[[Hook], Hook]:
        from .timers import Timer, Timers

        def register(function: Hook) -> Hook:
            self._allow_waiting()
            if self._timers is None:
                self._timers = Timers(self.complaints.traceback)
            self._timers.add(Timer(function, seconds, jitter, repeated))
            return function

        return register

    def _posted(self) -> None:
        self.wake()

    def _wait_for(self, waiting: list[Waiting], received_ns: int) -> None:
        for request, later in waiting:
            if type(later) is Parked:
                self.in_flight += 1
                self._park(request, later, later.received_ns or received_ns)
            elif type(later) is AfterFlush:
                self._after_flush.append((request, later, received_ns))
            else:
                self._held.append(request)

    def _park(self, request: Message[Any], parked: Parked, received_ns: int) -> None:
        """Let a handler wait: for a call it needs no task, whose reply lets it go on where it is."""
        call = parked.awaited
        # Nothing but a Call has this, and it is None until somebody waits.
        if getattr(call, "waiter", parked) is not None or call.done():
            self._make_task(request, parked, received_ns)
            return
        call.waiter = request, parked, received_ns
        parked.current.demand = self._make_task_after_all, call

    def _make_task(self, request: Message[Any], parked: Parked, received_ns: int) -> None:
        from .tasks import resume

        resume(parked).add_done_callback(partial(self._done, request, received_ns))

    def _make_task_after_all(self, call: "Call[Any]") -> None:
        waiter, call.waiter = call.waiter, None
        self._make_task(*waiter)

    def _replied(self, message: Message[Any], in_reply_to: int) -> Resumed | None:
        """See `dispatch.Routes`."""
        call = self._courier.replied(message, in_reply_to)
        return self._resumed(call) if call is not None and call.waiter is not None else None

    def _resumed(self, call: "Call[Any]") -> Resumed:
        request, parked, received_ns = call.waiter
        call.waiter = None
        self.in_flight -= 1
        parked.current.demand = None
        return request, partial(self._go_on, parked, received_ns)

    def _go_on(self, parked: Parked, received_ns: int) -> Answer | Later:
        try:
            answer = self._stages.here().next_step(parked, received_ns)  # type: ignore[union-attr]
        except BaseException:
            self._late.append(received_ns)
            raise
        if answer is not None and type(answer) is not Parked:
            self._late.append(received_ns)
        return answer  # type: ignore[no-any-return]

    def _time_is_over(self, call: "Call[Any]") -> None:
        if call.waiter is not None:
            request, proceed = self._resumed(call)
            self._settle(request, proceed, 0)
            self.wake()

    def _note_late(self) -> None:
        """Note when the requests were read whose handlers have waited for a call."""
        self._unwritten += Counter(self._late).items()
        self._late.clear()

    def _done(self, request: Message[Any], received_ns: int, task: "Task[Any]") -> None:
        self.in_flight -= 1
        self._settle(request, task.result, received_ns)
        self.wake()

    def _settle(self, request: Message[Any], result: Callable[[], Any], received_ns: int) -> None:
        courier = self._courier
        outbox = courier.outbox
        before, posted = len(outbox.messages), outbox.posted
        busy, courier.busy = courier.busy, True
        try:
            _, waiting = settle(request, result, self.handlers, self._msg_ids, outbox.messages)
        finally:
            courier.busy = busy
        replies = len(outbox.messages) - before - (outbox.posted - posted) - len(self._late)
        if replies > 0:
            self._unwritten.append((received_ns, replies))
        self._note_late()
        self._wait_for(waiting, received_ns)
