"""The verbs of `messenger workflow`, a module each, imported when asked for."""
