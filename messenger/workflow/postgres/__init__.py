"""PostgreSQL: yours, or one that is started as long as somebody needs it, and connections to it."""
