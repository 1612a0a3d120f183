"""Diagram: the steps of a task on a terminal, what each waits for, and where it stands."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from ..state import StepState, TaskState
from .columns import columns_of, fitted, on_one_line
from .lanes import Lane, Layout, lay_out

WIDTH_LEAST = 60
"""In columns; on fewer, no name would be left."""

Paint = Callable[[str, StepState], str]

_S = StepState
# Each one column wide and no part of a line; a dash for the cancelled was lost among the lines.
_SYMBOLS = {
    _S.PENDING: "○",
    _S.ENQUEUED: "◌",
    _S.IN_PROGRESS: "▶",
    _S.WAITING_FOR_RETRY: "↻",
    _S.COMPLETE: "✔",
    _S.ERROR: "✘",
    _S.CANCELLED: "⊘",
    _S.RESOLVED_MANUALLY: "✎",
    None: "•",
}
# By where they lead: up, down, left, right.
_LINES = {
    "": " ",
    "d": "┌",
    "ud": "│",
    "lr": "─",
    "dr": "┌",
    "dl": "┐",
    "ur": "└",
    "ul": "┘",
    "udr": "├",
    "udl": "┤",
    "dlr": "┬",
    "ulr": "┴",
    "udlr": "┼",
}
_IN_ASCII = str.maketrans("○◌▶↻✔✘⊘✎•─│┌┐└┘├┤┬┴┼…", "o:>~*X/=@-|..`'||.'+~")
# What is complete is said in any case; of the others, the most urgent is first.
_IN_SUMMARY = {
    _S.ERROR: "in error",
    _S.WAITING_FOR_RETRY: "waiting for retry",
    _S.IN_PROGRESS: "in progress",
    _S.ENQUEUED: "enqueued",
    _S.PENDING: "pending",
    _S.RESOLVED_MANUALLY: "resolved manually",
    _S.CANCELLED: "cancelled",
}
_NAME_LEAST = 12  # columns
_PARENT_MOST = 20  # columns


class Drawn(Struct, frozen=True):
    """A step as it is drawn; *note* is what else there is to say, such as `attempt 2 of 3`."""

    name: str
    depends_on: tuple[str, ...] = ()
    state: StepState | None = None
    """None where there is no task, but a template."""
    note: str = ""


def format_diagram(
    steps: Sequence[Drawn],
    *,
    width: int = 80,
    ascii_only: bool = False,
    paint: Paint = lambda text, state: text,
) -> list[str]:
    """Draw *steps*, in the template's order and without cycles, on lines of at most *width* columns.

    What comes before a step is above it and on its left; what is on its right leads down to what comes
    after. An edge that finds no room is told in words. *paint* may colour a symbol or the words of a state.
    The width is `WIDTH_LEAST` at least, so that a terminal narrower than that wraps.

    >>> steps = [
    ...     Drawn("reserve", (), StepState.COMPLETE),
    ...     Drawn("charge", ("reserve",), StepState.WAITING_FOR_RETRY, "attempt 2 of 3"),
    ...     Drawn("pack", ("reserve",), StepState.COMPLETE),
    ...     Drawn("ship", ("charge", "pack"), StepState.PENDING),
    ... ]
    >>> for line in format_diagram(steps):
    ...     print(line)
    ✔ reserve     complete
    ├─↻─┐ charge  waiting for retry  attempt 2 of 3
    └─✔─┤ pack    complete
    ○───┘ ship    pending
    """
    width = max(width, WIDTH_LEAST)
    lines = list(_lines([_on_one_line(step, ascii_only) for step in steps], most_lanes=width // 12))
    widths = _widths(lines, width)
    drawn = [_joined(line, widths, paint) for line in lines]
    return [line.translate(_IN_ASCII) for line in drawn] if ascii_only else drawn


def format_summary(task: str, state: TaskState, steps: Iterable[StepState]) -> str:
    """Say in a sentence how *task*, such as `task 17 orders/ship 3`, and its *steps* stand.

    >>> steps = [StepState.COMPLETE, StepState.PENDING, StepState.ERROR]
    >>> format_summary("task 17 orders/ship 3", TaskState.IN_PROGRESS, steps)
    'task 17 orders/ship 3: in progress, 1 of 3 steps complete, 1 in error, 1 pending'
    """
    counts = Counter(steps)
    every = counts.total()
    said = [f"{counts[_S.COMPLETE]:,} of {every:,} {'step' if every == 1 else 'steps'} complete"]
    said += [f"{counts[each]:,} {words}" for each, words in _IN_SUMMARY.items() if counts[each]]
    return f"{task}: {_words(state)}, {', '.join(said)}"


class _Line(Struct, frozen=True):
    """One line, whose *gutter* has the step's symbol at *at*; without a step, *at* is None."""

    gutter: str
    at: int | None
    label: str
    state: StepState | None = None
    note: str = ""


class _Widths(Struct, frozen=True):
    """The columns of each part; that of *label* includes the gutter."""

    label: int
    state: int
    note: int


def _on_one_line(step: Drawn, ascii_only: bool) -> Drawn:
    def cleaned(text: str) -> str:
        line = on_one_line(text)
        return line.translate(_IN_ASCII).encode("ascii", "replace").decode() if ascii_only else line

    return Drawn(step.name, step.depends_on, step.state, cleaned(step.note))


def _lines(steps: Sequence[Drawn], most_lanes: int) -> Iterator[_Line]:
    step_of = {step.name: step for step in steps}
    rank = {name: number for number, name in enumerate(step_of)}
    layout = lay_out({step.name: step.depends_on for step in steps}, most_lanes)
    for row, gutter in zip(layout.rows, _gutters(layout), strict=True):
        after = _after(sorted(row.after, key=rank.__getitem__))
        if row.name is None:
            yield _Line(gutter, None, after)
            continue
        step, at = step_of[row.name], 2 * row.column
        with_symbol = gutter[:at] + _SYMBOLS[step.state] + gutter[at + 1 :]
        note = "; ".join(part for part in (after, step.note) if part)
        yield _Line(with_symbol, at, step.name, step.state, note)


def _after(names: Sequence[str]) -> str:
    """Say what a step comes after; of more than three, two stand for all."""
    shown = names if len(names) <= 3 else names[:2]
    said = [fitted(name, _PARENT_MOST) for name in shown]
    if len(names) > len(shown):
        said.append(f"+{len(names) - len(shown)}")
    return f"after {', '.join(said)}" if said else ""


def _gutters(layout: Layout) -> Iterator[str]:
    """Yield the lines in front of each name, which pass over the place of the symbol."""
    lane_at: dict[tuple[int, int], Lane] = {}
    met: dict[int, list[int]] = {}
    for lane in layout.lanes:
        for at in range(lane.top, lane.bottom + 1):
            lane_at[at, lane.column] = lane
        for at in lane.met:
            met.setdefault(at, []).append(lane.column)
    last = max((lane.column for lane in layout.lanes), default=0)
    for at, row in enumerate(layout.rows):
        ends = (row.column, *met.get(at, ()))
        first_end, last_end = min(ends), max(ends)
        gutter = ""
        for column in range(max(last, last_end) + 1):
            left, right = first_end < column <= last_end, first_end <= column < last_end
            gutter += _cell(lane_at.get((at, column)), at, left, right) + _LINES["lr" if right else ""]
        yield gutter.rstrip().ljust(2 * row.column + 1)


def _cell(lane: Lane | None, at: int, left: bool, right: bool) -> str:
    """Return what row *at* has where a line comes from the *left* and goes on to the *right*."""
    if lane is None:
        return _LINES["lr" if left or right else ""]
    if at not in lane.met:  # the line passes behind it
        return _LINES["ud"]
    up, down = lane.top < at, at < lane.bottom
    return _LINES["u" * up + "d" * down + "l" * left + "r" * right]


def _widths(lines: Sequence[_Line], width: int) -> _Widths:
    gutter = max((len(line.gutter) for line in lines), default=0)
    label = max((len(line.gutter) + 1 + columns_of(line.label) for line in lines), default=0)
    state = max((len(_words(line.state)) for line in lines), default=0)
    note = max((columns_of(line.note) for line in lines), default=0)
    # A long name gives way to notes, up to a point: a state without a name would be nobody's.
    room = width - (2 + state if state else 0) - (2 + min(note, width // 4) if note else 0)
    label = min(label, max(room, gutter + 1 + _NAME_LEAST))
    return _Widths(label, state, max(0, width - label - (2 + state if state else 0) - 2))


def _joined(line: _Line, widths: _Widths, paint: Paint) -> str:
    gutter, state = line.gutter, _words(line.state)
    label = fitted(line.label, widths.label - len(gutter) - 1)
    note = fitted(line.note, widths.note)
    before_state = " " * (widths.label - len(gutter) - 1 - columns_of(label) + 2)
    before_note = " " * (widths.state - len(state) + (2 if widths.state else 0))
    if line.state is not None and line.at is not None:
        gutter = gutter[: line.at] + paint(gutter[line.at], line.state) + gutter[line.at + 1 :]
        state = paint(state, line.state)
    parts = [gutter, " ", label, before_state, state, before_note, note]
    return "".join(parts if note else parts[:5] if state else parts[:3]).rstrip()


def _words(state: StepState | TaskState | None) -> str:
    return state.value.replace("_", " ") if state else ""
