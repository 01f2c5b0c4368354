"""The client side of Plex, much of it against the fake server."""
