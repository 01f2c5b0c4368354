"""How the answers of tasks put numbers and long texts into words."""

LONGEST_MESSAGE = 300  # characters of an error that a list shows


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 job", "2,000 jobs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return the text, cut where it is longer than that many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
