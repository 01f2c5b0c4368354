"""Tasks that change the settings or suggest a path map."""
