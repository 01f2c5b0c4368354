"""The durable state: queue of jobs, spool, dead letters and sync log."""
