"""Tasks that change the queue or Plex."""
