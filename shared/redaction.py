"""Keeps secrets out of everything that leaves the process as text."""

MASK = "[redacted]"
_SHORTEST_SECRET = 4  # a shorter one would blank out ordinary words


class Secrets:
    """The secrets known to this process: Plex token, Stash cookie, API key."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def add(self, secret: object) -> None:
        """Remember a secret; anything but a text of some length is ignored."""
        if (
            isinstance(secret, str)
            and len(secret) >= _SHORTEST_SECRET
            and secret not in self._known
        ):
            self._known.append(secret)
            # The longest first: a secret that contains another must not leave its rest behind.
            self._known.sort(key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced by a mask."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        return text
