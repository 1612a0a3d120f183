"""Plans: what PostgreSQL says it did for a statement, in short, and what is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, sql

# The others have a few rows a template or a handler.
LARGE = {"task", "step", "queue", "step_transition", "task_transition", "dead_letter"}
MOST_OFF = 10


def explain(connection: Connection, statement: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Run a prepared *statement*, and return its plan; what it writes is rolled back."""
    [(plan,)] = _explained(connection, "ANALYZE, BUFFERS", statement, arguments)
    return plan[0]


def execution_ns(connection: Connection, statement: str, arguments: tuple[Any, ...]) -> int:
    """Return how long the server says that the statement took to execute, once it is planned."""
    [(plan,)] = _explained(connection, "ANALYZE, TIMING OFF, BUFFERS OFF", statement, arguments)
    return round(plan[0]["Execution Time"] * 1e6)


def _explained(connection: Connection, options: str, statement: str, arguments: tuple[Any, ...]) -> Any:
    literals = sql.SQL(", ").join(map(sql.Literal, arguments))
    command = f"EXPLAIN ({options}, FORMAT JSON) EXECUTE {{}} ({{}})"
    with rolled_back(connection):
        return connection.execute(sql.SQL(command).format(sql.Identifier(statement), literals)).fetchall()


@contextmanager
def rolled_back(connection: Connection) -> Iterator[None]:
    """Take back what is done; past psycopg, which prepares every statement anew after a rollback."""
    connection.pgconn.exec_(b"BEGIN")
    yield
    connection.pgconn.exec_(b"ROLLBACK")


def shortened(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the plan as lines, with rows as they were estimated and as they came."""
    root = plan["Plan"]
    return {
        "execution_us": round(plan["Execution Time"] * 1e3),
        "blocks_hit": root["Shared Hit Blocks"],
        "blocks_read": root["Shared Read Blocks"],
        "nodes": [_line(node, depth) for node, depth, _ in _nodes(root)],
    }


def faults_of(plan: dict[str, Any]) -> list[str]:
    """Return what is wrong: large tables read whole, blocks that were not in memory, estimates far off."""
    root = plan["Plan"]
    faults = [f"{root['Shared Read Blocks']} blocks were read"] if root["Shared Read Blocks"] else []
    for node, _, cut in _nodes(root):
        if node.get("Relation Name") not in LARGE:
            continue
        if node["Node Type"] == "Seq Scan":
            faults.append(f"{_line(node)}: reads all of a large table")
        # Below a limit, rows that nobody asked for did not come; what never ran has none.
        if not cut and node["Actual Loops"] and "Scan" in node["Node Type"]:
            estimated, came = max(node["Plan Rows"], 1), max(node["Actual Rows"], 1)
            if not 1 / MOST_OFF <= estimated / came <= MOST_OFF:
                faults.append(f"{_line(node)}: the estimate is far off")
    return faults


def _nodes(
    node: dict[str, Any], depth: int = 0, cut: bool = False
) -> Iterator[tuple[dict[str, Any], int, bool]]:
    """Yield each node, how deep it is, and whether a limit above may have stopped it."""
    yield node, depth, cut
    for below in node.get("Plans", ()):
        yield from _nodes(below, depth + 1, cut or node["Node Type"] == "Limit")


def _line(node: dict[str, Any], depth: int = 0) -> str:
    where = node.get("Index Name") or node.get("Relation Name") or node.get("CTE Name") or ""
    rows = f"rows {node['Plan Rows']}, came {node['Actual Rows']:g} x {node['Actual Loops']:g}"
    return f"{' ' * depth}{node['Node Type']} {where} ({rows})".replace("  (", " (")
