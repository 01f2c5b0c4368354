"""What another machine's clock says, from the date of its HTTP answers."""

from email.utils import parsedate_to_datetime


def seconds_ahead(date: str, now: float) -> float | None:
    """Return how far another clock is ahead of ours, None when it does not tell.

    Args:
        date: of an HTTP answer, in whole seconds.
    """
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
