"""One scene into Plex: finding its item, writing, covers, reading back."""
