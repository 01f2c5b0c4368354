from collections.abc import Callable
from typing import NamedTuple

from plex.exceptions import PlexNotFound

SHORTEST_DELAY = 1.0
_LARGEST_EXPONENT = 30


class RetryParams(NamedTuple):
    base: float
    cap: float


_TEMPORARY = RetryParams(base=5.0, cap=80.0)
_NOT_FOUND = RetryParams(base=30.0, cap=600.0)


def calculate_delay(
    error: Exception, failures: int, uniform: Callable[[float, float], float]
) -> float:
    params = _NOT_FOUND if isinstance(error, PlexNotFound) else _TEMPORARY
    longest = min(params.cap, params.base * 2.0 ** min(failures, _LARGEST_EXPONENT))
    return max(SHORTEST_DELAY, uniform(0.0, longest))
