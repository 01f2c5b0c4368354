"""`make demo`: a Stash, a Plex and the plugin between them, played in a terminal."""
