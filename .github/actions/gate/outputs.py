"""Write what a report of the gate comes to as outputs of a step, one a line."""

import json
import sys
from pathlib import Path

STATUSES = ("passed", "failed", "advisory", "nothing-compared")


def main(path: Path) -> None:
    """Read the report at *path*; without one, nothing was judged."""
    status, regressed = "not-judged", []
    if path.is_file():
        report = json.loads(path.read_bytes())
        if report["verdict"] in STATUSES:
            status = report["verdict"]
            regressed = [row["name"] for row in report["results"] if row["status"] == "regressed"]
    # JSON in ASCII is one line, whatever a name holds.
    print(f"status={status}\nregressed={json.dumps(regressed)}")


main(Path(sys.argv[1]))
