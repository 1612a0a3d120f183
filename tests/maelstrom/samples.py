"""Histories made by hand."""

from itertools import count

from messenger.maelstrom.history import Operation, Outcome

MS = 1_000_000


class Clock:
    """Makes operations one after another, each 1 ms after the last, unless told when."""

    def __init__(self):
        self._indexes = count()

    def __call__(self, function, value=None, result=None, *, at=None, **fields):
        index = next(self._indexes)
        begin, end = at or (10 * index, 10 * index + 1)
        return Operation(
            index=index,
            function=function,
            value=value,
            result=result,
            invoked_ns=begin * MS,
            completed_ns=end * MS,
            **{"client": "c1", "node": "n0", "outcome": Outcome.OK, **fields},
        )


def kinds(findings):
    return sorted(anomaly.kind for anomaly in findings.anomalies)


def indexes(anomaly):
    return [operation.index for operation in anomaly.operations]
