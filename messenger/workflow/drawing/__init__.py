"""Drawing: how tasks are shown, in a terminal and as JSON."""
