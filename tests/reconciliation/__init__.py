"""The reconciliation's decisions, without a server."""
