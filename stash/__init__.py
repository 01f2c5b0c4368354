"""Floor 2: the client of Stash."""
