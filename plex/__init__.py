"""The client of Plex, the index of file paths, and the comparison of Plex items with scenes."""
