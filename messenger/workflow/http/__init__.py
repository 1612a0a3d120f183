"""HTTP: the engine, for programs that create tasks and follow them without our code."""
