"""Takes in, once, what the earlier implementation of this plugin left in its data folder."""
