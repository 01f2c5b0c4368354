import json
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

# Keys of `SyncJob.data`. The value of TRY_REFUSED is the time at which a user asked to retry
# refused values.
MISSING_SINCE = "missing_since"
MISSING_PATHS, MISSING_SIZES = "missing_paths", "missing_sizes"
TRY_REFUSED = "try_refused"

# The due time of new jobs of a bulk sync. New jobs of edits have the due time 0, so they run first.
BULK = 1.0
LARGEST_ID = 2**63 - 1


class JobFormatError(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class SyncJob:
    job_id: str = ""
    scene_id: int | None = None
    update_type: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    enqueued_at: float = 0.0
    job_key: str = ""
    retry_count: int = 0
    next_retry_at: float = 0.0
    last_error_type: str | None = None

    @classmethod
    def parse(cls, stored: bytes | str) -> Self:
        # SQLite's JSON functions accept invalid UTF-8, so a stored job may contain such bytes.
        text = stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored
        try:
            raw = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise JobFormatError(f"the job is not JSON: {error}") from None
        if not isinstance(raw, dict):
            raise JobFormatError("the stored job does not say which scene it is for")
        scene_id, key = raw.get("scene_id"), _word(raw.get("job_key"))
        data, error_type = raw.get("data"), raw.get("last_error_type")
        if isinstance(scene_id, int) and not _is_id(scene_id):
            raise JobFormatError(
                f"the scene_id in the job of {key or 'a scene'} is no scene's number"
            )
        if not key:
            scene = f"names scene {scene_id}, but " if _is_id(scene_id) else ""
            raise JobFormatError(f"the stored job {scene}has no job_key")
        return cls(
            job_id=_word(raw.get("job_id")),
            job_key=key,
            update_type=_word(raw.get("update_type")) or "metadata",
            scene_id=scene_id if _is_id(scene_id) else None,
            data=data if isinstance(data, dict) else {},
            enqueued_at=_number(raw.get("enqueued_at")),
            retry_count=int(_number(raw.get("retry_count"))),
            next_retry_at=_number(raw.get("next_retry_at")),
            last_error_type=error_type if isinstance(error_type, str) else None,
        )

    def encoded(self) -> bytes:
        # `asdict` would overflow the stack for deeply nested `data`.
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode()

    @property
    def postponed_until(self) -> float:
        return self.next_retry_at if self.next_retry_at > BULK else 0.0

    def postponed(self, until: float, error_type: str, *, counts: bool) -> Self:
        retries = self.retry_count + counts
        return replace(self, next_retry_at=until, last_error_type=error_type, retry_count=retries)

    def with_fresh_retries(self) -> Self:
        return replace(self, next_retry_at=0.0, retry_count=0, last_error_type=None)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that the worker is processing. The job's row remains until the job has ended."""

    row_id: int
    job: SyncJob


def readable_claims(rows: Iterable[tuple[int, bytes]]) -> Iterator[Claim]:
    for row_id, stored in rows:
        with suppress(JobFormatError):
            yield Claim(row_id, SyncJob.parse(stored))


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_ID


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value.isascii() else ""


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        return float(value) if math.isfinite(value) else 0.0
    except OverflowError:
        return 0.0
