"""Tasks that show, retry and remove dead letters."""
