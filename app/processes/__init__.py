"""The entry points and the surroundings of task processes and worker processes."""
