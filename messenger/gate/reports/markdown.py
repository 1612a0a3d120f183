"""Markdown: a report as text for pull requests and job summaries, as long as they hold."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..comparison import Status
from ..report import Report, Result
from .compact import fill, list_by_file, list_by_row
from .markup import code, fenced, inert, item
from .units import plural
from .words import (
    STATUS,
    change_cell,
    circumstances,
    instructions_cell,
    shorten,
    status_cell,
    summary,
    target_cells,
    time_cell,
)

# A comment on GitHub holds 65,536 characters; a workflow may want to write a line of its own around it.
COMMENT_CHARACTERS = 65_000
SUMMARY_BYTES = 1024 * 1024
# Below, there may be no room to say that something is left out.
LEAST_ROOM = 1000

_HEAD = ("| Benchmark | Baseline | Current | Change |", "|---|---:|---:|---:|")
_SENTENCE_CHARACTERS = 500


def render_markdown(
    report: Report, limit: int | None = COMMENT_CHARACTERS, size: Callable[[str], int] = len
) -> str:
    """Write *report*: summary, what was compared, rows worst first, stable ones folded, commands.

    What is longer than *limit*, at least 1000 and counted by *size*, takes the first shorter form that fits.
    A failing benchmark is named in all of them until the names alone do not fit; then it is said how many
    are left out.
    """
    if limit is None:
        return next(_forms(report))
    for text in _forms(report):
        if size(text) <= limit:
            return text
    return _as_much_as_fits(report, limit, size)


def render_summary(report: Report, room: int = SUMMARY_BYTES) -> str:
    """Write *report* for a job's summary, which has room for so many bytes; `LEAST_ROOM` at least."""
    return render_markdown(report, room, _bytes)


def _bytes(text: str) -> int:
    return len(text.encode())


def _forms(report: Report) -> Iterator[str]:
    """Write *report* in ever shorter forms."""
    rows = report.results
    prefix, names = shorten(row.name for row in rows)
    head = [f"**{inert(summary(report))}**"]
    head += ["\n".join(map(item, circumstances(report)))]
    below = [f"All names stand below {code(prefix)}."] if prefix else []
    telling = [row for row in rows if row.status is not Status.STABLE]
    stable = [row for row in rows if row.status is Status.STABLE]
    failed = [row for row in rows if row.failed]
    missed = _targets(rows, names, all_of_them=False)
    commands = _commands(report)
    table = [_table(telling, names)] if telling else []
    folded = [_folded(stable, names)] if stable else []

    yield _join(*head, *below, *table, *folded, _targets(rows, names), commands)
    counted = [f"{len(stable)} stable, not listed."] if stable else []
    yield _join(*head, *below, *table, *counted, _targets(rows, names), commands)
    yield _join(*head, *below, *table, *counted, missed, commands)
    others = _count(rows)
    if failed:
        yield _join(*head, *below, _table(failed, names), others, missed, commands)
        yield _join(*head, *below, _listed(list_by_row(failed, names), failed), others, commands)
    by_file = [_listed(list_by_file(failed, names), failed)] if failed else []
    yield _join(*head, *below, *by_file, others, commands)
    yield _join(head[0], *below, *by_file, others)


def _as_much_as_fits(report: Report, limit: int, size: Callable[[str], int]) -> str:
    """Name as many failing benchmarks as there is room for, and count the rest."""
    failed = [row for row in report.results if row.failed]
    sentence = summary(report)
    if len(sentence) > _SENTENCE_CHARACTERS:
        sentence = f"{sentence[:_SENTENCE_CHARACTERS]} …"
    head = f"**{inert(sentence)}**"
    while size(head) > limit // 2:
        sentence = f"{sentence[: len(sentence) // 2]} …"
        head = f"**{inert(sentence)}**"

    def write(shown: Sequence[Result]) -> str:
        left = len(failed) - len(shown)
        rest = (
            f"{plural(left, 'failing benchmark')} more for which there is no room: the JSON report has all."
        )
        names = list_by_file(shown, {row.name: row.name for row in shown})
        listed = _listed(names, shown) if shown else ""
        return _join(head, listed, rest if left else "", _count(report.results))

    return write(fill(failed, lambda shown: size(write(shown)) <= limit))


def _listed(lines: Sequence[str], rows: Sequence[Result]) -> str:
    return f"{plural(len(rows), 'failing benchmark')}:\n\n{fenced(lines)}"


def _join(*parts: str) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _count(rows: Sequence[Result]) -> str:
    """Count what is no failure."""
    count = Counter(row.status for row in rows if not row.failed)
    words = [
        f"{count[status]} {STATUS[status].partition(' ')[2].lower()}" for status in Status if count[status]
    ]
    return f"Not listed: {', '.join(words)}." if words else ""


def _folded(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    return f"<details><summary>{len(rows)} stable</summary>\n\n{_table(rows, names)}\n\n</details>"


def _table(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    counted = any(row.instructions_percent is not None for row in rows)
    heading, alignment = _HEAD
    lines = [
        f"{heading} Instructions | Status |" if counted else f"{heading} Status |",
        f"{alignment}---:|---|" if counted else f"{alignment}---|",
    ]
    for row in rows:
        cells = [
            code(names[row.name]),
            time_cell(row.baseline_q25_ms),
            time_cell(row.shown_ms),
            change_cell(row),
            inert(status_cell(row)),
        ]
        if counted:
            cells.insert(-1, instructions_cell(row))
        lines.append(_line(*cells))
    return "\n".join(lines)


def _targets(rows: Sequence[Result], names: Mapping[str, str], *, all_of_them: bool = True) -> str:
    told = [(row, promise) for row in rows for promise in row.targets if all_of_them or not promise.met]
    if not told:
        return ""
    lines = [f"{plural(len(told), 'target' if all_of_them else 'missed target')}:", ""]
    lines += ["| Benchmark | Statistic | Value | Target | Outcome |", "|---|---|---:|---:|---|"]
    for row, target in told:
        statistic, outcome = target_cells(target)
        value, promised = time_cell(target.value_ms), time_cell(target.target_ms)
        lines.append(_line(code(names[row.name]), inert(statistic), value, promised, outcome))
    return "\n".join(lines)


def _commands(report: Report) -> str:
    commands = report.commands
    lines = list(filter(None, [commands.reproduce, commands.accept, commands.closer]))
    further = [*(["to accept"] if commands.accept else []), *(["to look closer"] if commands.closer else [])]
    told = ", ".join(["Again", *further[:-1]]) + (f", and {further[-1]}" if further else "")
    return f"{told}:\n\n{fenced(lines, 'sh')}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
