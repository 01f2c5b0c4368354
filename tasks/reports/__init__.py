"""Tasks that write or print a report and change nothing."""
