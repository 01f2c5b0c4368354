"""The client of Stash."""
