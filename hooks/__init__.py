"""Floor 4: decide whether an event in Stash matters, and queue it."""
