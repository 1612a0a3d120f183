"""Lockstep: two commits, measured side by side."""
