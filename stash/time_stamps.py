"""Stash's time stamps; imports no client, because questions about the data folder load this.

Stash compares time stamps as text in its server's own offset. So filters ask for more than is
wanted, and the answers are compared as times.
"""

import datetime

_ANY_OFFSET = datetime.timedelta(hours=26)


def asked_since(moment: float) -> str:
    """Return what to ask for so that nothing after a moment, in epoch seconds, is left out."""
    earlier = datetime.datetime.fromtimestamp(moment, datetime.UTC) - _ANY_OFFSET
    return earlier.strftime("%Y-%m-%dT%H:%M:%S")


def moment_of(text: str) -> float | None:
    """Return a time stamp in seconds since the epoch; None when it is none, or Go's zero time."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year == datetime.MINYEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def is_since(text: str, moment: float) -> bool:
    """Tell whether a time stamp is not before a moment; one that cannot be read counts as since."""
    found = moment_of(text)
    return found is None or found >= moment
