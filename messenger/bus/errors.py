"""Errors: what a bus says when it cannot do something."""


class BusError(Exception):
    """Something that a bus could not do."""


class BadUrl(ValueError):
    """A URL that names no bus, or none that is safe to open so."""


class Closed(BusError):
    """The connection or the subscription is closed."""


class Disconnected(BusError):
    """Nobody answers at the other end of the URL."""


class Refused(BusError):
    """The other end will not have us: wrong keys, wrong password, or no encryption where it is asked for."""


class Unsupported(BusError):
    """Something that this transport does not promise."""


class NoResponders(BusError):
    """Nobody answers requests to this subject; known at once, without waiting for a timeout."""


class RequestTimeout(BusError, TimeoutError):
    """No reply came in time; whether the request was acted on is not known."""


class SlowConsumer(BusError):
    """A subscription that is full and refuses more (`on_full="error"`), or has lost some."""


class TooLarge(BusError):
    """A message that is larger than the bus carries."""


class Malformed(BusError):
    """Data that does not fit the type its receiver asked for."""
