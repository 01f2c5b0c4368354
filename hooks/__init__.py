"""Floor 4: decides which jobs an event of Stash needs."""
