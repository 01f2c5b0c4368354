"""The limits of the values that are sent to Plex."""

MAX_NAME = 255  # characters of a title, studio, tagline, or the name of a person, tag, collection
MAX_SUMMARY = 10_000
MAX_PERFORMERS = 50
_WORTH_KEEPING = 0.8  # cut at a word boundary when that keeps at least this share


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, cut between words where that costs little."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    if not text[limit].isspace():
        boundary = max(head.rfind(" "), head.rfind("\n"))
        if boundary >= limit * _WORTH_KEEPING:
            head = head[:boundary]
    return head.rstrip()
