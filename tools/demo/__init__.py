"""`make demo`: a Stash, a Plex and the plugin between them, shown in a terminal."""
