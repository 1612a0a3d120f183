"""Table: rows of text, aligned."""

from collections.abc import Sequence

from .columns import columns_of, fitted, on_one_line


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Write *rows* below *head*, on lines of *width* columns if that is given; the last cell gives way.

    >>> for line in format_table(["task", "state"], [["7", "in error"], ["12", "complete"]]):
    ...     print(line)
    task  state
    7     in error
    12    complete
    """
    cells = [[on_one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(columns_of, column)) for column in zip(*cells, strict=True)]
    if width is not None:
        room = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
        widths[-1] = max(min(widths[-1], room), columns_of(head[-1]))
    return [
        "  ".join(
            fitted(cell, columns) + " " * (columns - columns_of(cell))
            for cell, columns in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]
