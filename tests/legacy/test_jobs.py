"""Which scene a job of the earlier implementation is about, in every form that it ever had."""

import pickle
from typing import Any

import pytest

from legacy.jobs import LegacyJob, NoJobError, parse_job
from tests.legacy.support import earlier_job
from tests.sync_queue.support import NOW

HOUR_AGO = NOW - 3600


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in earlier_job(7).items() if name not in names}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_job_names_its_scene_its_file_and_since_when_it_waits(protocol: int) -> None:
    job = parse_job(pickle.dumps(earlier_job(7), protocol))

    assert job == LegacyJob(7, HOUR_AGO, "/media/scenes/s7.mp4")


@pytest.mark.parametrize(
    "raw",
    [
        without("job_id"),
        without("job_id", "retry_count", "next_retry_at", "last_error_type") | {"pqid": 3},
        without("job_key", "update_type"),
        without() | {"scene_id": "7"},
        without("scene_id"),
        without() | {"scene_id": None},
        without() | {"something": {"new": [1, 2]}},
    ],
    ids=["no id", "pqid", "no key", "text", "key alone", "no scene but key", "more"],
)
def test_a_job_of_any_version_is_read(raw: dict[str, Any]) -> None:
    assert parse_job(pickle.dumps(raw, 4)) == LegacyJob(7, HOUR_AGO, "/media/scenes/s7.mp4")


def test_a_job_that_was_put_off_until_the_scene_is_read_again_has_no_file() -> None:
    deferred = earlier_job(7, data={"identified": True, "updated_at": None})

    assert parse_job(pickle.dumps(deferred)) == LegacyJob(7, HOUR_AGO, "")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pickle.dumps({"update_type": "metadata"}), "no scene id"),
        (pickle.dumps(earlier_job(-7, job_key="")), "no scene id"),
        (pickle.dumps(earlier_job(True, job_key="")), "no scene id"),
        (pickle.dumps(earlier_job(2**63, job_key="")), "no scene id"),
        (pickle.dumps([7]), "contains list, not a job"),
        (b"{not json", "Expecting"),
        (b"nonsense", "damaged"),
        (pickle.dumps(earlier_job(7, data=ValueError())), "a Python object"),
        (None, "is NoneType, not bytes"),
        ("text", "is str, not bytes"),
    ],
)
def test_what_is_no_job_is_refused_with_the_reason(data: object, why: str) -> None:
    with pytest.raises(NoJobError, match=why):
        parse_job(data)
