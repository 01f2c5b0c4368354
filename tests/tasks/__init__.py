"""The tasks: their arguments here, what they do end to end in tests/e2e."""
