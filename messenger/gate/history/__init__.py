"""History: what benchmarks took at one commit after the other."""
