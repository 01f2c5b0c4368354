"""Floor 6: the entry points of hooks, tasks, the worker and the command line."""
