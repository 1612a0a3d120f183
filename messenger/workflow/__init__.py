"""Workflows: steps that depend on one another, and survive a crash."""
