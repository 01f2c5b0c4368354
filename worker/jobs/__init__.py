"""Jobs other than syncing a scene: performers, studios, tags, folder scans, missing files."""
