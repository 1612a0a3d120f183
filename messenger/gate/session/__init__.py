"""Session: what the gate does in a pytest session of yours."""
