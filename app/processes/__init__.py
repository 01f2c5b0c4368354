"""The processes of tasks and of the worker."""
