"""Markdown: a verdict as text for pull requests and job summaries."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..comparison import Status
from ..report import Report, Result
from .units import plural
from .words import (
    change_cell,
    circumstances,
    instructions_cell,
    plain,
    shorten,
    status_cell,
    summary,
    target_cells,
    time_cell,
)

COMMENT_LIMIT = 65_536  # characters of a comment on GitHub; counted in bytes here, which are never fewer
STEP_SUMMARY_LIMIT = 1024 * 1024  # bytes of the page of a job
_SENTENCE, _SENTENCES = 240, 8
_LEFT_OUT = "lines of failures do not fit here; report.json has them all."
_BREAK = "\u200b"  # a blank of no width

_HEAD = ("| Benchmark | Baseline | Current | Change |", "|---|---:|---:|---:|")


def render_markdown(report: Report, *, limit: int = COMMENT_LIMIT) -> str:
    """Write *report*: summary, what was compared, rows worst first, stable ones folded, commands.

    What does not fit into *limit* bytes, 4096 at least, is said shorter: first about the rows that pass,
    then about those that fail, which are named to the last as long as their names fit.
    """
    for write in (_full, _without_stable, _failing_only, _failing_briefly, _failing_by_file):
        text = write(report)
        if _size(text) <= limit:
            return text
    return _as_many_as_fit(report, limit)


def _full(report: Report) -> str:
    names = _names(report)
    stable = [row for row in report.results if row.status is Status.STABLE]
    folded = f"<details><summary>{len(stable)} stable</summary>\n\n{_table(stable, names)}\n\n</details>"
    promising = [row for row in report.results if row.targets]
    return _document(report, _telling(report, names), folded if stable else "", _targets(promising, names))


def _without_stable(report: Report) -> str:
    names = _names(report)
    missing = [row for row in report.results if row.missed]
    return _document(
        report, _telling(report, names), _count_of(report, {Status.STABLE}), _targets(missing, names)
    )


def _failing_only(report: Report) -> str:
    names = _names(report)
    failing = [row for row in report.results if row.failed]
    missing = [row for row in failing if row.missed]
    rest = {row.status for row in report.results if not row.failed}
    return _document(report, _table(failing, names), _count_of(report, rest), _targets(missing, names))


def _failing_briefly(report: Report) -> str:
    names = _names(report)
    failing = [row for row in report.results if row.failed]
    lines = [f"- {_code(names[row.name])} {row.status}, {change_cell(row)}" for row in failing]
    rest = {row.status for row in report.results if not row.failed}
    return _document(report, "\n".join(lines), _count_of(report, rest), brief=True)


def _failing_by_file(report: Report) -> str:
    rest = {row.status for row in report.results if not row.failed}
    return _document(report, "\n".join(_by_file(report)), _count_of(report, rest), brief=True)


def _as_many_as_fit(report: Report, limit: int) -> str:
    """Name what fits; nothing that is left out goes unsaid."""
    lines = _by_file(report)
    room = limit - _size(_document(report, f"{len(lines)} {_LEFT_OUT}", brief=True)) - 2
    kept: list[str] = []
    for line in lines:
        room -= _size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return _document(report, "\n".join([*kept, f"\n{len(lines) - len(kept)} {_LEFT_OUT}"]), brief=True)


def _document(report: Report, *parts: str, brief: bool = False) -> str:
    """Put *parts* between what was compared and what to type next; *brief*, long sentences are cut."""
    lines = [_escape(line) for line in circumstances(report)]
    prefix, _ = shorten(row.name for row in report.results)
    head = [f"**{_escape(summary(report))[: _SENTENCE if brief else None]}**"]
    if brief:
        lines = [line if len(line) < _SENTENCE else f"{line[:_SENTENCE]} ..." for line in lines[:_SENTENCES]]
    head.append("\n".join(f"- {line}" for line in lines))
    if prefix and any(parts):
        head.append(f"All names stand below {_code(prefix)}.")
    tail = [] if brief else [_commands(report)]
    return "\n\n".join(part for part in (*head, *parts, *tail) if part) + "\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _telling(report: Report, names: Mapping[str, str]) -> str:
    return _table([row for row in report.results if row.status is not Status.STABLE], names)


def _count_of(report: Report, statuses: Iterable[Status]) -> str:
    count = Counter(row.status for row in report.results)
    told = [f"{count[status]} {status}" for status in Status if status in statuses and count[status]]
    return f"Not shown: {', '.join(told)}." if told else ""


def _by_file(report: Report) -> list[str]:
    """Name what failed, a line a file."""
    names = _names(report)
    files: dict[str, list[str]] = {}
    for row in report.results:
        if row.failed:
            file, _, test = names[row.name].partition("::")
            files.setdefault(file, []).append(test or file)
    return [f"- {_code(file)} {_code(', '.join(tests))}" for file, tests in files.items()]


def _names(report: Report) -> dict[str, str]:
    return shorten(row.name for row in report.results)[1]


def _table(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    if not rows:
        return ""
    counted = any(row.instructions_percent is not None for row in rows)
    heading, alignment = _HEAD
    lines = [
        f"{heading} Instructions | Status |" if counted else f"{heading} Status |",
        f"{alignment}---:|---|" if counted else f"{alignment}---|",
    ]
    for row in rows:
        cells = [
            _code(names[row.name]),
            time_cell(row.baseline_q25_ms),
            time_cell(row.shown_ms),
            change_cell(row),
            _escape(status_cell(row)),
        ]
        if counted:
            cells.insert(-1, instructions_cell(row))
        lines.append(_line(*cells))
    return "\n".join(lines)


def _targets(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    if not rows:
        return ""
    count = sum(len(row.targets) for row in rows)
    lines = [f"{plural(count, 'target')}:", "", "| Benchmark | Statistic | Value | Target | Outcome |"]
    lines.append("|---|---|---:|---:|---|")
    for row in rows:
        for target in row.targets:
            statistic, outcome = target_cells(target)
            value, promised = time_cell(target.value_ms), time_cell(target.target_ms)
            lines.append(_line(_code(names[row.name]), _escape(statistic), value, promised, outcome))
    return "\n".join(lines)


def _commands(report: Report) -> str:
    commands = report.commands
    told = [plain(text) for text in (commands.reproduce, commands.accept, commands.closer) if text]
    longest = max((len(run) for text in told for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    closer = "to accept, and to look closer" if commands.closer else "and to accept"
    return "\n".join([f"Again, {closer}:", "", f"{fence}sh", *told, fence])


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Write *text* as a code span that survives a table: nothing is markup, and no bar ends the cell."""
    text = plain(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escape(text: str) -> str:
    """Write *text* so that markdown shows it as it stands, and GitHub neither links it nor calls anybody."""
    text = re.sub(r"([\\`*|\[\]])", r"\\\1", plain(text)).replace("<", "&lt;")
    return re.sub(r"(?i)@(?=\w)|#(?=\d)|https?(?=:)|www(?=\.)|gh(?=-\d)", rf"\g<0>{_BREAK}", text)
