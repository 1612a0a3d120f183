"""Profile: the functions that take most, side by side."""

from collections.abc import Sequence

from ..lockstep.profile import Profile
from .units import duration
from .words import plain

_MOST = 10


def render_profile(name: str, profiles: Sequence[Profile]) -> str:
    """List the time of each function itself in a call; those first that differ most, or take most."""
    per_call = [{place: seconds * 1e9 for place, seconds in one.own.items()} for one in profiles]
    places = {place for times in per_call for place in times}

    def weight(place: str) -> float:
        times = [one.get(place, 0.0) for one in per_call]
        return abs(times[-1] - times[0]) if len(times) > 1 else times[0]

    took = ", ".join(f"{duration(one.call_seconds * 1e9)} on the {one.side} side" for one in profiles)
    lines = [plain(name), "", f"A call takes {took}; of that, each function itself:"]
    for place in sorted(places, key=lambda place: (-weight(place), place))[:_MOST]:
        times = [one.get(place, 0.0) for one in per_call]
        cells = [f"{duration(time):>10}" for time in times]
        if len(times) > 1:
            sign = "+" if times[1] >= times[0] else "-"
            cells.append(f"{sign + duration(abs(times[1] - times[0])):>11}")
        lines.append(f"{' '.join(cells)}  {plain(place)}")
    heads = [f"{one.side:>10}" for one in profiles] + ([f"{'difference':>11}"] if len(profiles) > 1 else [])
    lines.insert(3, f"{' '.join(heads)}  function")
    lines.append("")
    lines += [f"{one.side}: {one.calls} calls, {one.path}" for one in profiles]
    lines.append("Open the files with https://www.speedscope.app, which keeps them in your browser.")
    return "\n".join(lines) + "\n"
