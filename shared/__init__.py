"""Floor 0: log protocol, locks, paths, state files. Imports nothing of this project."""
