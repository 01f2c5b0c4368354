"""Command line tools of the developers; nothing of this is installed."""
