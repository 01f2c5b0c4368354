"""What a hook decides."""
