"""The worker is the process that executes queued jobs and sends changes to Plex."""
