"""Settings, scenes, texts and paths: pure functions."""
