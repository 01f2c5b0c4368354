"""Floor 5: one function per task of Stash2Plex.yml and per operation of the page."""
