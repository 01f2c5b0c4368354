"""Floor 3: the drain of the queue into Plex."""
