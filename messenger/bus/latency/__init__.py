"""Latency: how long messages are on their way, from when they were to be sent until they are read."""
