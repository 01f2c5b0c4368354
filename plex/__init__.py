"""Floor 2: all that speaks to Plex."""
