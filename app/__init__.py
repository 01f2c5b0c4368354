"""The entry points of hooks, tasks, the worker and the command line."""
