"""The durable queue: its rules, its crashes, its neighbours."""
