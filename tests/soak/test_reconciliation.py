"""R12 by reconciliation: whatever no hook told of, one run and a drain bring both sides in step.

The stories are those of `test_convergence.py`, with all that happens in Plex without a trace, and
with edits while the plugin is switched off. Then faults of both servers, or a kill, break off the
run. `SOAK=1` runs the full count.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest

import reconciliation.engine
from tests.soak.household import PATIENT
from tests.soak.story import FORCE
from tests.soak.test_convergence import Chapter, living

SEEDS = 500 if os.environ.get("SOAK") else 8
SMALL_PAGE = 3  # scenes, so that a library of a dozen has several
TWO_DAYS = 2 * 86_400.0  # after that a scene among the dead letters is queued once more


class Neglected(Chapter):
    def __init__(self, *options: Any) -> None:
        super().__init__(*options)
        self.story.most = FORCE

    def live(self) -> None:
        super().live()
        self.household.is_off = True
        self.story.meanwhile = lambda: None  # a plugin that is off has no worker either
        for _ in range(self.rng.randint(1, 5)):
            # Stash's time stamps have whole seconds: what follows an edit that was synced within
            # one, and no hook tells of, no cover's time stamp shows either.
            self.time.pass_on(2.0)
            self.story.happen()
        self.steps.append("the plugin was off for the last of these")
        self.household.is_off = False

    def rest(self) -> None:
        self.steps.append(self.troubles.end())
        self.story.come_to_rest()
        self.household.close()
        self.household.open(PATIENT)
        self._drain()
        self.time.pass_on(TWO_DAYS)
        if self.rng.random() < 0.5:
            pages = self.rng.randint(0, 4)
            self.steps.append(f"a reconciliation that is killed after {pages} pages")
            self.household.reconcile(pages_to_live=pages)
        if self.rng.random() < 0.5:
            self.steps.append(self.troubles.begin())
            self.steps.append(f"a reconciliation: {self.household.reconcile()}")
            self.steps.append(self.troubles.end())
        self.reconcile()
        self._drain()

    def reconcile(self) -> str:
        answer = self.household.reconcile() or ""
        if "Nothing was queued" in answer:
            self.steps.append(f"a question: {answer}")
            answer = self.household.reconcile() or ""
        self.steps.append(f"a reconciliation: {answer}")
        sums = re.fullmatch(
            r"Finished .*?\. (\d+) scenes? checked: (.*)\. (\d+) scenes? to sync"
            r"(?:: ([^;]*))?(?:; .*)?",
            answer,
        )
        assert sums, self.told(f"it did not come to its end: {answer}")
        checked, outcomes, gaps, fates = sums.groups()
        assert _total(outcomes) == int(checked) == len(self.story.alive()), self.told(answer)
        assert _total(fates or "") == int(gaps), self.told(answer)
        return gaps


def _total(sum_of: str) -> int:
    return sum(int(number) for number in re.findall(r"(?:^|, )(\d+) ", sum_of))


def judge(chapter: Neglected) -> None:
    differences = chapter.story.differences()
    assert not differences, chapter.told("\n".join(differences))
    mark = chapter.plex.log.mark()
    assert chapter.reconcile() == "0", chapter.told("a second run finds gaps")
    assert chapter.household.queue.waiting() == 0
    assert chapter.plex.log.writes(mark) == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_reconciliation_and_a_drain_bring_both_libraries_in_step(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation.engine, "PAGE", SMALL_PAGE)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # nobody cuts the power here
    with living(Neglected, tmp_path, seed) as chapter:
        chapter.live()
        chapter.rest()
        judge(chapter)
