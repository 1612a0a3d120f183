"""Plot: percentiles as an SVG whose horizontal axis gives each further nine as much room as the last."""

from collections.abc import Mapping
from html import escape
from math import ceil, floor, log10

from .hgrm import levels
from .latencies import Latencies

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 62, 52
_INSIDE_WIDTH, _INSIDE_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_LIMIT_US = 1000.0

# Readable on white and on black, told apart by those who see no red or green, and by dashes in print.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .small { fill: #57606a; font-size: 12px }
  .paper { fill: #ffffff }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .limit { stroke: #57606a; stroke-width: 1; stroke-dasharray: 2 4 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .line-0 { stroke: #0969da }
  .line-1 { stroke: #bc4c00; stroke-dasharray: 7 4 }
  .line-2 { stroke: #6e7781; stroke-dasharray: 2 3 }
  .line-3 { stroke: #8250df; stroke-dasharray: 9 3 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .paper { fill: #0d1117 }
    .grid { stroke: #30363d }
    .limit { stroke: #9198a1 }
    .line-0 { stroke: #58a6ff }
    .line-1 { stroke: #f0883e }
    .line-2 { stroke: #8b949e }
    .line-3 { stroke: #bc8cff }
  }
"""


def render_plot(title: str, lines: Mapping[str, Latencies]) -> str:
    """Draw a line for each of *lines*, up to four, by the name it has in the legend.

    Raises:
        ValueError: one of them is empty.
    """
    nines = max(ceil(log10(max(len(line), 10))) for line in lines.values())
    lowest = floor(log10(max(min(line.at(0) for line in lines.values()), 100) / 1000))
    highest = max(ceil(log10(max(line.at(100) for line in lines.values()) / 1000)), lowest + 1)

    def x(percent: float, count: int) -> float:
        # The last value stands where it is one of *count*; 1/(1-1) is nowhere.
        inverse = count if percent == 100 else min(100 / (100 - percent), count)
        return _LEFT + log10(inverse) / nines * _INSIDE_WIDTH

    def y(value_us: float) -> float:
        share = (log10(max(value_us, 10.0**lowest)) - lowest) / (highest - lowest)
        return _TOP + (1 - share) * _INSIDE_HEIGHT

    drawn = [*_percentile_axis(nines), *_value_axis(lowest, highest, y(_LIMIT_US))]
    for number, (name, line) in enumerate(lines.items()):
        points = " ".join(
            f"{x(percent, len(line)):.1f},{y(line.at(percent) / 1000):.1f}" for percent in levels(len(line))
        )
        left = _LEFT + 170 * number
        drawn += [
            f'<polyline class="line line-{number}" points="{points}">'
            f"<title>{escape(name)}</title></polyline>",
            f'<line class="line line-{number}" x1="{left}" x2="{left + 28}" y1="46" y2="46"/>',
            f'<text class="small" x="{left + 34}" y="50">{escape(name)}</text>',
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>\n'
        f'<text class="title" x="{_LEFT}" y="24">{escape(title)}</text>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _percentile_axis(nines: int) -> list[str]:
    drawn = [
        f'<text class="small" x="{_LEFT + _INSIDE_WIDTH / 2}" y="{_HEIGHT - 10}" text-anchor="middle">'
        "percentile, by 1/(1 − p)</text>"
    ]
    ticks = [(log10(2), "50 %")] + [(n, _nines(n)) for n in range(1, nines + 1)]
    for place, label in ticks:
        left = _LEFT + place / nines * _INSIDE_WIDTH
        drawn += [
            f'<line class="grid" x1="{left:.1f}" x2="{left:.1f}" y1="{_TOP}" y2="{_TOP + _INSIDE_HEIGHT}"/>',
            f'<text class="small" x="{left:.1f}" y="{_TOP + _INSIDE_HEIGHT + 18}" text-anchor="middle">'
            f"{label}</text>",
        ]
    return drawn


def _value_axis(lowest: int, highest: int, limit: float) -> list[str]:
    drawn = []
    right = _LEFT + _INSIDE_WIDTH
    for power in range(lowest, highest + 1):
        top = _TOP + (highest - power) / (highest - lowest) * _INSIDE_HEIGHT
        drawn += [
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{top:.1f}" y2="{top:.1f}"/>',
            f'<text class="small" x="{_LEFT - 8}" y="{top + 4:.1f}" text-anchor="end">'
            f"{_duration(power)}</text>",
        ]
    if _TOP <= limit <= _TOP + _INSIDE_HEIGHT:
        drawn.append(f'<line class="limit" x1="{_LEFT}" x2="{right}" y1="{limit:.1f}" y2="{limit:.1f}"/>')
    return drawn


def _nines(count: int) -> str:
    """Name the percentile that one in 10 to the *count* exceeds: 90 %, 99 %, 99.9 %."""
    return f"{100 - 100 / 10**count:.{max(count - 2, 0)}f} %"


def _duration(power: int) -> str:
    """Name 10 to the *power* microseconds."""
    for unit, size in (("s", 6), ("ms", 3), ("µs", 0)):
        if power >= size:
            return f"{10 ** (power - size)} {unit}"
    return f"{10 ** (power + 3)} ns"
