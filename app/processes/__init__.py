"""Code that runs only in a task's process or in the worker's process."""
