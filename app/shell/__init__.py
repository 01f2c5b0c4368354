"""The command line: the same tasks, typed into a terminal or called by a scheduler."""
