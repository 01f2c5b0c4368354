"""Random faults of both servers, for stories in which everything ends well."""

import random
from collections.abc import Callable

from simulators.plex import FakePlex, Kind
from simulators.stash import FakeStash, faults as stash_faults
from simulators.stash.request_log import LoggedRequest

KINDS: tuple[Kind, ...] = ("identity", "sections", "listing", "metadata", "edit")
UPLOADS: tuple[Kind, ...] = ("poster_upload", "art_upload")
SCENES = "ScenesById"


class Troubles:
    """Breaks things, and mends them.

    Not among the faults is a cover that is refused for good (400, 413): a scene stays without it
    until it gets another one. Nor is a 404 for items that exist.
    """

    def __init__(self, rng: random.Random, stash: FakeStash, plex: FakePlex) -> None:
        self._rng = rng
        self._stash = stash
        self._plex = plex

    def begin(self) -> str:
        kind = self._rng.choice((*KINDS, *UPLOADS))
        return self._begin(self._requests_fail(kind) | self._server_fails())

    def begin_at(self, kind: Kind) -> str:
        return self._begin(self._requests_fail(kind))

    def _begin(self, troubles: dict[str, Callable[[], object]]) -> str:
        name = self._rng.choice(list(troubles))
        troubles[name]()
        return f"trouble: {name}"

    def _requests_fail(self, kind: Kind) -> dict[str, Callable[[], object]]:
        faults, times, applied = (
            self._plex.faults,
            self._rng.randint(1, 3),
            self._rng.random() < 0.5,
        )
        done = ", done" if applied else ""
        return {
            f"{kind} 503": lambda: faults.status(503, kind=kind, times=times),
            f"{kind} 500{done}": lambda: faults.status(
                500, applied=applied, kind=kind, times=times
            ),
            f"{kind} 429": lambda: faults.status(429, retry_after=120, kind=kind, times=1),
            f"{kind} 401": lambda: faults.status(401, kind=kind, times=times),
            f"{kind} half": lambda: faults.truncate(kind=kind, times=times),
            f"{kind} reset": lambda: faults.reset(kind=kind, times=times),
            f"{kind} closed": lambda: faults.close(kind=kind, times=times),
            f"{kind} unanswered": lambda: faults.unanswered(kind=kind, times=times),
            f"{kind} hangs{done}": lambda: faults.hang(kind=kind, times=1, applied=applied),
        }

    def _server_fails(self) -> dict[str, Callable[[], object]]:
        plex, stash, times = self._plex, self._stash, self._rng.randint(1, 3)
        return {
            "Plex is in maintenance": lambda: plex.maintenance(True),
            "Plex is gone": plex.stop,
            "edit 400": lambda: plex.faults.status(400, kind="edit", times=1),
            "Stash is gone": stash.stop,
            "Stash 503": lambda: stash.inject(stash_faults.Status(503), _any, times=times),
            "Stash 401": lambda: stash.inject(stash_faults.Status(401), _any, times=1),
            "Stash resets": lambda: stash.inject(stash_faults.Reset(), _any, times=times),
            "Stash tells half": lambda: stash.inject(stash_faults.Truncated(), _any, times=times),
            "Stash tells errors": lambda: stash.inject(
                stash_faults.graphql_errors(), _reads_scenes, times=1
            ),
        }

    def end(self) -> str:
        self._plex.maintenance(False)
        self._plex.faults.clear()
        self._plex.start()
        self._stash.faults.clear()
        self._stash.start()
        return "all troubles end"


def _any(_request: object) -> bool:
    return True


def _reads_scenes(request: LoggedRequest) -> bool:
    return request.operation == SCENES
