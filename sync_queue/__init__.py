"""Floor 2: the durable state (queue, spool, dead letters, sync log)."""
