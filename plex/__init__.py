"""Floor 2: the client of Plex, the path index, and the comparison of items with scenes."""
