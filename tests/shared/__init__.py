"""Log protocol, redaction, state files, locks, folders."""
