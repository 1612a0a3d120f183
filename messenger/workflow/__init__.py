"""Workflows that survive a crash: DAGs of steps, on PostgreSQL."""
