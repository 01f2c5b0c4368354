"""Why there is no release."""


class ReleaseError(Exception):
    """Something about the repository or the wheels must not reach users; the text says what."""
