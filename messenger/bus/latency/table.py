"""Table: runs on a terminal, each with what the machine did meanwhile below it."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from .latencies import Latencies
from .measure import Run
from .plan import Plan
from .verdict import Verdict

_FLOORS = {"hiccup": "hiccup floor", "pipe": "pipe ping-pong", "pipe_threads": "pipe, threads"}


def name_of(plan: Plan) -> str:
    """Name what was measured, in a column or a legend."""
    return f"{plan.rate:,}/s" if plan.mode == "one-way" else "round trip"


def floor_name(kind: str) -> str:
    """Name a floor for people."""
    return _FLOORS[kind]


def build_table(runs: Sequence[Run]) -> Table:
    """Lay out *runs* of one URL, in microseconds."""
    plan = runs[0].plan
    title = f"{plan.url}  {plan.payload_bytes:,} B, {plan.seconds:g} s"
    if plan.publishers * plan.subscribers > 1:
        title += f", publishers: {plan.publishers}, subscribers: {plan.subscribers}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("latency, us", no_wrap=True)
    for heading in ("p50", "p90", "p99", "p99.9", "max", "> 1 ms", "received"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        table.add_row(name_of(run.plan), *_cells(run.latencies), f"{run.received:,}", style="bold")
        for kind, floor in run.floors.items():
            table.add_row(f"  {floor_name(kind)}", *_cells(floor), "", style="dim")
    return table


def verdict_line(run: Run, verdict: Verdict) -> Text:
    """Say in one line whether *run* holds."""
    word, style = {True: ("PASSED", "green"), False: ("FAILED", "red"), None: ("NOT JUDGED", "yellow")}[
        verdict.passed
    ]
    return Text.assemble((word, style), f": {name_of(run.plan)}: {verdict.reason}")


def _cells(latencies: Latencies) -> list[str]:
    told = latencies.summarize()
    values = [told.p50_us, told.p90_us, told.p99_us, told.p999_us, told.max_us]
    share = "-" if told.over_1ms_share is None else f"{100 * told.over_1ms_share:.2f} %"
    return ["-" if value is None else _digits(value) for value in values] + [share]


def _digits(value_us: float) -> str:
    return f"{value_us:,.0f}" if value_us >= 100 else f"{value_us:.1f}"
