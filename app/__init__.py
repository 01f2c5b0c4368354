"""Floor 6: runs hooks, tasks, the worker and the command line."""
