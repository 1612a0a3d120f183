"""The verbs of `messenger gate`, one a module, each imported when it is called."""
