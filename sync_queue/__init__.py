"""Floor 2: the durable state: the queue, the dead letters, the sync log."""
