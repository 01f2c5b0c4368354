"""The worker: its models against smaller ones, its loop against the fake servers."""
