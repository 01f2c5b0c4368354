"""The worker, which drains the queue into Plex."""
