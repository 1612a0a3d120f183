"""Message-passing nodes, and the measurements that keep them fast."""
