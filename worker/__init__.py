"""The worker: a process that executes queued jobs and sends changes to Plex."""
