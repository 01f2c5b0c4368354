"""Floor 2: all that speaks to Stash."""
