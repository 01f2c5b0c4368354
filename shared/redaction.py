MASK = "[redacted]"
_SHORTEST_SECRET = 4


class Secrets:
    def __init__(self) -> None:
        self._known: list[str] = []

    def add(self, secret: object) -> None:
        if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            # Longer secrets are replaced first, because a longer secret may contain a shorter one.
            self._known = sorted({*self._known, secret}, key=len, reverse=True)

    def redact(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text
