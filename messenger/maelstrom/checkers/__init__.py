"""What may not happen in a history, one workload's rules a file."""
