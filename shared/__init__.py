"""Log protocol, locks, paths and state files. Imports no other package of this project."""
