"""Jobs that do not sync a scene: performers, studios, tags, folder scans, missing files."""
