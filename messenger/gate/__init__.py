"""Judges a pytest-benchmark run against the numbers in the repository."""
