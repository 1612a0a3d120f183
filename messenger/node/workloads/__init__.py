"""Workloads, one a file: small enough to be read as documentation."""
