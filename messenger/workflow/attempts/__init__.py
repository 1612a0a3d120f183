"""Attempts: calls of handlers, on the loop, in threads, in processes, in C and in other languages."""
