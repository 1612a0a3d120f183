"""Errors: what this room says when it cannot do something."""


class WorkflowError(Exception):
    """Something that a workflow, or the database below it, could not do."""
