"""Grow-only counter: a counter to which only more is added."""

from messenger.node.workloads.pn_counter import node

if __name__ == "__main__":
    node.run()
