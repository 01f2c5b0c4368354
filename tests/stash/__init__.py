"""The client side of Stash, against the fake server."""
