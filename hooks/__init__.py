"""Decides which sync jobs an event of Stash needs."""
