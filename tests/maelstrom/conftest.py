"""What the tests of this room share."""

import pytest

from .samples import Clock


@pytest.fixture
def op():
    """Make operations, one after another in time."""
    return Clock()
