"""Floor 3: finds the gaps between the two libraries, and when to look."""
