"""Keeps secrets out of all text that leaves the process."""

MASK = "[redacted]"
_SHORTEST_SECRET = 4  # replacing a shorter one would replace ordinary words


class Secrets:
    """The secrets known to this process: Plex token, Stash cookie, API key."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def add(self, secret: object) -> None:
        """Store a secret; anything but a text of some length is ignored."""
        if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            # Longest first, because a secret may contain another.
            self._known = sorted({*self._known, secret}, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced by a mask."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text
