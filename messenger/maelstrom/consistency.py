"""What transactions may promise, as the anomalies that a promise rules out."""

_UNCOMMITTED = frozenset({"G0", "duplicate-elements", "malformed-txn", "never-written"})
_COMMITTED = _UNCOMMITTED | {"G1a", "G1b", "G1c", "incompatible-order"}
_SNAPSHOT = _COMMITTED | {"G-single", "internal"}

_SERIALIZABLE = _SNAPSHOT | {"G2"}
_IN_REAL_TIME = frozenset({"G0-realtime", "G1c-realtime", "G-single-realtime", "G2-realtime"})

STRICT = "strict-serializable"
"""The model that asks in which order transactions were made."""

MODELS: dict[str, frozenset[str]] = {
    "read-uncommitted": _UNCOMMITTED,
    "read-committed": _COMMITTED,
    "snapshot-isolation": _SNAPSHOT,
    "serializable": _SERIALIZABLE,
    STRICT: _SERIALIZABLE | _IN_REAL_TIME,
}
"""For each model, the kinds of anomalies that fail a test.  Source: Adya, Weak Consistency, 1999."""
