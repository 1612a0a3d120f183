"""The verbs of `messenger bus`, a module each, imported when asked for."""
