"""The text that stands for a JSON value."""

import json
from typing import Any


def canonical(value: Any) -> str:
    """Write *value* as the one text that all equal JSON values share, to compare and to hash it.

    Python finds 1, 1.0 and True equal; JSON has three values there, and so has Maelstrom.

    >>> canonical({"b": 1, "a": [True, 1.0]})
    '{"a":[true,1.0],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
