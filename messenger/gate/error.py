"""`GateError`: why the gate cannot go on."""


class GateError(Exception):
    """Input or surroundings the gate cannot work with; its text says what happened and what to do.

    `exit_code` is what the process ends with: 2 wrong usage or input (the default), 1 a benchmark that
    fails, 3 could not tell.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
