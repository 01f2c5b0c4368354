"""Floor 4: one function per task of the yml; each says what it did in Stash's log."""
