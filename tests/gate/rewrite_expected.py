"""Rewrite the expected files of reports: `python -m tests.gate.rewrite_expected`, then read the diff."""

from pathlib import Path

from messenger import gate
from messenger.gate.report import schema

from .test_explain import explanations
from .test_reports import EXPECTED, FORMATS, REPORTS, everything, side_by_side


def main():
    for make in REPORTS:
        for suffix, render in FORMATS.items():
            (EXPECTED / f"{make.__name__}.{suffix}").write_bytes(render(make()).encode())
    for make in (everything, side_by_side):
        (EXPECTED / f"{make.__name__}.explained").write_bytes(explanations(make()).encode())
    (Path(gate.__file__).parent / "report.schema.json").write_text(schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
