"""One function for each task in Stash2Plex.yml and for each operation of the plugin's page."""
