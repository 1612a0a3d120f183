"""Reports: a verdict as text, one format a module, each a pure function."""
