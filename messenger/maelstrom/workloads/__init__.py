"""What clients ask for, one workload a file."""
