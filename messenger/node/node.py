"""A node: bytes in, bytes out, and what it remembers in between."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .complaints import Complaints
from .courier import Courier
from .dispatch import Answer, dispatch, reply, settle
from .driver import Driver
from .errors import PreconditionFailed
from .handlers import Adapt, Function, Handlers, Wishes
from .later import AfterFlush, Held, Later
from .limits import Limits
from .message import Body, Error, Init, InitOk, Message, Topology, TopologyOk
from .parse import parse_lines
from .statistics import Statistics

if TYPE_CHECKING:
    from asyncio import Task
    from concurrent.futures import ThreadPoolExecutor
    from logging import LoggerAdapter

    from .journal import Journal, NoJournal
    from .tasks import Stages
    from .timers import Timers

Handler = TypeVar("Handler", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[], Any])


class Node(Courier):
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
        super().__init__()
        self.limits = limits or Limits()
        self.neighbours: list[str] = []
        """Whom the `topology` message names, every peer until then."""
        self.statistics = Statistics()
        self.received_ns = 0
        """When the batch that is being handled was read, in `time.perf_counter_ns`."""
        self.complaints = Complaints()
        self.stop: Callable[[], None] = lambda: None
        """End the input, as SIGTERM does, and from any thread: what is in flight is still answered."""
        self.handlers = Handlers(self._init, self._topology, self.complaints, self._replied)
        self.state_folder = ""
        """Where `journal` keeps what must outlive this process; nothing is kept where it is empty."""
        self._msg_ids = itertools.count()
        self._refusing = self._paused = self._starting = False
        self._unwritten: list[tuple[int, int]] = []
        self._noted = 0
        """How many of the replies that nobody has taken yet are among those."""
        self._after_flush: list[AfterFlush] = []
        self._held: list[Message[Any]] = []
        self._init_hooks: list[Callable[[], Any]] = []
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
    def log(self) -> "LoggerAdapter[Any]":
        """A logger that says which node speaks; it is heard on stderr, never on stdout."""
        from .logs import logger_of

        return logger_of(self)

    @cached_property
    def journal(self) -> "Journal | NoJournal":
        """What this node has written down; for init hooks and later, when it knows its name.

        Write a record before you answer, and read all of them in an init hook.
        """
        from .journal import NoJournal, open_journal

        if not self.state_folder:
            return NoJournal(self.complaints.warning)
        return open_journal(self.state_folder, self.node_id)

    def reply(self, request: Message[Any], body: Body | dict[str, Any]) -> None:
        """Answer *request* now, besides what its handler returns."""
        answer = reply(request, body, self._msg_ids)
        self._outbox.replies.append(answer)
        if not self._busy:
            self.wake()

    @property
    def in_flight(self) -> int:
        """How many requests have handlers that wait."""
        return self._stages.in_flight if self._stages is not None else 0

    @property
    def waits(self) -> bool:
        """Whether an event loop must run: for coroutine functions, blocking handlers, hooks or timers."""
        return self.handlers.waits

    def full(self) -> bool:
        """Claim that nothing more should be read now: too many requests wait, and none of them for a reply.

        Where one does, the node has to read on, and refuses other requests from now on. Ask after each batch.
        """
        if self.in_flight <= self.limits.max_in_flight // 2:
            if self._refusing and self._opened:
                self.handlers.open()
            self._refusing = self._paused = False
        elif self._refusing or (self.in_flight < self.limits.max_in_flight and not self._paused):
            return False
        elif self._calls:
            if self._opened:
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
        self._busy, outbox = True, self._outbox
        try:
            if self._stages is None:
                if self._calls is not None:
                    self._follow()
                _, later = dispatch(messages, self.handlers, self._msg_ids, outbox.replies)
            else:
                self._stages.received_ns = received_ns
                _, later = self._stages.hold(dispatch, messages, self.handlers, self._msg_ids, outbox.replies)
        finally:
            self._busy = False
        dispatched_ns = perf_counter_ns()
        if later:
            self._put_off(later, received_ns)
        output, replies = outbox.take()
        if self._noted:
            replies -= self._noted
            self._noted = 0
        if self._stages is None and replies:
            self._unwritten.append((received_ns, replies))
        elif replies:
            self._note_replies(received_ns, replies)
        self.statistics.batch(len(messages), received_ns, parsed_ns, dispatched_ns, perf_counter_ns())
        return output

    def flushed(self) -> bytes:
        """Note that everything so far has been written; return the lines that waited for that."""
        if self._unwritten:
            self.statistics.written(perf_counter_ns(), self._unwritten)
            self._unwritten = []
        if not self._after_flush:
            return b""
        due, self._after_flush = self._after_flush, []
        for later in due:
            if self.handlers.note is not None:
                self.handlers.note(later.request)
            self._answer(later.request, later.call, later.received_ns)
        return self.finished()

    def finished(self) -> bytes:
        """Return the lines that have come to be since the last call, outside of `receive`."""
        self._noted = 0
        return self._outbox.take()[0]

    def run(self, *, bus: str = "", node_id: str = "", node_ids: Sequence[str] = ()) -> None:
        """Serve stdin and stdout until the input ends or SIGTERM comes, then answer what is in flight.

        With the URL of a *bus*, serve that instead, as *node_id*, one of *node_ids*: see `over_bus`.

        Raises:
            SystemExit: stdout was closed with replies still to write (1).
            BusError, BadUrl: there is no such bus.
            ValueError: a node on a bus was not told who it is.
        """
        if bus and not node_id:
            raise ValueError(
                f"who is this node on {bus}? Say run(bus=..., node_id='n1', node_ids=['n1', 'n2'])"
            )
        try:
            if bus:
                from .over_bus import serve as serve_bus

                serve_bus(self, bus, node_id, node_ids or [node_id])
            elif self.waits:
                from .event_loop import serve as serve_loop

                serve_loop(self)
            else:
                from .stdio import serve

                serve(self)
        finally:
            self._give_up()
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
        self._outbox.address(self.node_id, self.node_ids)
        if self._init_hooks and first:
            self._starting = True
            self.handlers.hold()
            return self._run_hooks()
        self._open()
        return InitOk()

    @property
    def _opened(self) -> bool:
        return bool(self.node_id) and not self._starting

    def _topology(self, request: Topology) -> TopologyOk:
        self.neighbours = request.topology.get(self.node_id, self.peers)
        return TopologyOk()

    def _open(self) -> None:
        hooked, self._starting = self._starting, False
        self.handlers.open()
        if self._timers is not None:
            from asyncio import get_running_loop

            self._timers.start(get_running_loop())
        if hooked:
            self._release_soon()

    def _release_soon(self) -> None:
        """Handle what is held, and what this batch may yet add to it, when the answer to init has been said.

        If the hooks ended in a task, that is after its done callbacks, which the loop calls one round later.
        """
        calls = self._follow()
        release = partial(calls.loop.call_soon, self._release, context=calls.context.copy())
        calls.loop.call_soon(release)

    def _release(self) -> None:
        """Handle what came while hooks ran; init_ok has been said by now."""
        held, self._held = self._held, []
        for message in held:
            handle = partial(self.handlers.handle, message)
            self._answer(message, handle, perf_counter_ns())
        self.wake()

    def _allow_waiting(self) -> "Stages":
        from .tasks import Stages, in_fresh_context

        if self._stages is None:
            self.handlers.waits = True
            self._stages = Stages(self._use, self._demanded)
            self.handlers.keep_apart(partial(in_fresh_context, stages=self._stages))
        return self._stages

    def _waiting(self, function: Callable[..., Any], wishes: Wishes, adapt: Adapt) -> Function:
        """Wrap a handler that may wait; see `Handlers.add`."""
        from .tasks import blocking, sequential, until_first_wait

        if wishes.blocking:
            function = blocking(function, self._threads)
        if wishes.sequential:
            function = sequential(function)
        return until_first_wait(adapt(function), self._allow_waiting())

    @cached_property
    def _threads(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.limits.threads, thread_name_prefix="messenger")

    def _run_hooks(self) -> Answer | Later:
        from .tasks import hooks, until_first_wait

        run = hooks(self._init_hooks, done=self._open, failed=self._hooks_failed)
        return until_first_wait(run, self._allow_waiting())(None)  # type: ignore[no-any-return]

    def _hooks_failed(self) -> None:
        self._starting, self.node_id = False, ""
        self.handlers.close()
        self._release_soon()

    def _timer(self, seconds: float, jitter: float, *, repeated: bool) -> Callable[[Hook], Hook]:
        from .timers import Timer, Timers

        def register(function: Hook) -> Hook:
            self._allow_waiting()
            if self._timers is None:
                self._timers = Timers(self.complaints.traceback)
            self._timers.add(Timer(function, seconds, jitter, repeated))
            return function

        return register

    def _put_off(self, later: list[Later], received_ns: int) -> None:
        for one in later:
            if type(one) is Driver:
                self._make_task(one)
            elif type(one) is AfterFlush:
                one.received_ns = received_ns
                self._after_flush.append(one)
            else:
                self._held.append(one.request)

    def _make_task(self, driver: Driver) -> None:
        from .tasks import resume

        if driver.ends:  # it has one: somebody has asked for it
            return
        resume(driver).add_done_callback(partial(self._done, driver))

    def _demanded(self, driver: Driver) -> None:
        """Make a task of a handler that waits, at once, and even if a call would have let it go on."""
        if driver.carried:
            driver.carried, driver.awaited.waiting = False, None
        self._make_task(driver)

    def _done(self, driver: Driver, task: "Task[Any]") -> None:
        driver.stage.ended()
        self._answer(driver.request, task.result, driver.received_ns)
        self.wake()

    def _note_replies(self, received_ns: int, count: int) -> None:
        """Note that so many replies are to be written: when their requests were read, if not then."""
        late = self._stages.late if self._stages is not None else ()
        if late:
            del late[count:]  # a handler's answer may have been none after all
            count -= len(late)
            if late.count(late[0]) == len(late):  # as it is mostly, and faster than to count them all
                self._unwritten.append((late[0], len(late)))
            else:
                self._unwritten += Counter(late).items()
            late.clear()
        if count:
            self._unwritten.append((received_ns, count))

    def _answer(self, request: Message[Any], result: Callable[[], Answer | Later], received_ns: int) -> None:
        """Reply to a *request* outside of its batch with what *result* returns or raises."""
        outbox = self._outbox
        before = outbox.count
        busy, self._busy = self._busy, True
        try:
            _, later = settle(request, result, self.handlers, self._msg_ids, outbox.replies)
        finally:
            self._busy = busy
        if replies := outbox.count - before:
            self._noted += replies
            self._note_replies(received_ns, replies)
        self._put_off(later, received_ns)
