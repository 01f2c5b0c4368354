from itertools import cycle, islice

from hypothesis import given, strategies as st

from worker.failure_policy import _MOST_TRACKED_JOBS, MAX_FAILURES, Blame, PoisonJobs

KEYS = st.sampled_from("abcde")


def test_a_job_that_fails_each_time_others_go_through_is_blamed_at_its_third_that_counts() -> None:
    jobs = PoisonJobs()
    blamed = []
    for _ in range(MAX_FAILURES + 2):
        blamed.append(jobs.failed("bad") is Blame.JOB)
        jobs.succeeded("other", wrote=True)
    assert blamed == [False, False, False, True, True]


def test_once_others_went_through_it_is_blamed_though_nothing_else_waits_any_more() -> None:
    jobs = PoisonJobs()
    jobs.failed("bad")
    jobs.succeeded("other", wrote=True)
    assert [jobs.failed("bad") for _ in range(MAX_FAILURES)] == [
        Blame.UNKNOWN,
        Blame.UNKNOWN,
        Blame.JOB,
    ]


@given(st.lists(KEYS, max_size=60), st.lists(KEYS, max_size=20))
def test_no_job_is_blamed_while_plex_is_down(failing: list[str], in_step: list[str]) -> None:
    jobs = PoisonJobs()
    for key in failing:
        assert jobs.failed(key) is not Blame.JOB
        for one in in_step:
            jobs.succeeded(one, wrote=False)


@given(st.lists(st.tuples(KEYS, st.booleans(), st.booleans()), max_size=80))
def test_no_job_is_blamed_for_few_failures(events: list[tuple[str, bool, bool]]) -> None:
    """Since the job succeeded the last time."""
    jobs, failures = PoisonJobs(), dict.fromkeys("abcde", 0)
    for key, fails, wrote in events:
        if fails:
            failures[key] += 1
            assert jobs.failed(key) is not Blame.JOB or failures[key] > MAX_FAILURES
        else:
            failures[key] = 0
            jobs.succeeded(key, wrote=wrote)


def test_an_outage_after_a_job_was_suspected_does_not_count_against_it() -> None:
    jobs = PoisonJobs()
    jobs.failed("suspected")
    jobs.succeeded("other", wrote=True)
    failures = [jobs.failed(key) for key in islice(cycle(["suspected", "b", "c"]), 30)]
    assert Blame.JOB not in failures


def test_two_jobs_that_plex_fails_at_are_both_blamed_while_others_go_through() -> None:
    jobs, blamed = PoisonJobs(), set()
    for _ in range(MAX_FAILURES + 1):
        blamed |= {key for key in "ab" if jobs.failed(key) is Blame.JOB}
        jobs.succeeded("other", wrote=True)
    assert blamed == {"a", "b"}


def test_a_job_that_succeeds_is_a_suspect_no_more() -> None:
    jobs = PoisonJobs()
    for _ in range(MAX_FAILURES):
        jobs.failed("a")
        jobs.succeeded("other", wrote=True)
    jobs.succeeded("a", wrote=False)
    assert jobs.failed("a") is not Blame.JOB


def test_what_is_remembered_of_a_long_outage_is_bounded() -> None:
    jobs = PoisonJobs()
    for number in range(10 * _MOST_TRACKED_JOBS):
        jobs.failed(str(number))
    assert len(jobs._records) == _MOST_TRACKED_JOBS


@given(st.lists(KEYS, min_size=2, max_size=30))
def test_only_the_first_failure_of_an_outage_has_no_cause(failing: list[str]) -> None:
    jobs = PoisonJobs()
    jobs.succeeded("other", wrote=True)
    first, *others = [jobs.failed(key) for key in failing]
    assert first is Blame.UNKNOWN
    assert set(others) == {Blame.PLEX}
