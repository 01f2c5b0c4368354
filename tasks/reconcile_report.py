"""Reconcile (Report Only): what a reconciliation would queue, and why; it queues nothing."""

import datetime
import os
from collections import Counter

from reconciliation.findings import GAPS, Finding, Inspected, Outcome
from reconciliation.run import Order
from reconciliation.scopes import window_of
from reconciliation.sums import Sums
from reconciliation.walk import NoConclusionError, pages, prepare
from shared.leftovers import keep_newest
from tasks.answer import Answer
from tasks.context import TaskContext
from tasks.errors import TaskError
from tasks.preview_report import KEPT_REPORTS, lines_of
from tasks.wording import shortened

EXAMPLES = 100  # of each kind
SHOWN_REASONS, SHOWN_EXAMPLES, LONGEST_EXAMPLE = 20, 10, 500  # in an answer; characters
_EXAMPLES_OF = (*GAPS, Outcome.AMBIGUOUS, Outcome.ELSEWHERE, Outcome.UNSEEN)


def report_gaps(context: TaskContext, order: Order) -> Answer:
    """Compare the libraries and write down the gaps; return their sums and the report's path.

    Raises:
        TaskError: nothing could be concluded.
        ConfigFault, PlexError, StashError: a side could not be asked; there is no report then.
        OSError: the report cannot be written.
    """
    sides, now = context.reconciler_sides(), context.clock()
    sums = Sums()
    examples: dict[Outcome, list[str]] = {}
    try:
        prepare(sides)
        for page in pages(context.scenes, sides, window_of(order.scope, now), 0):
            for one, finding in page.found:
                wanted = not order.only_empty or finding.outcome is Outcome.EMPTY
                sums.count(finding, synced_before=one.synced_before, wanted=wanted)
                of_kind = examples.setdefault(finding.outcome, [])
                if finding.outcome in _EXAMPLES_OF and len(of_kind) < EXAMPLES:
                    of_kind.append(_example(one, finding))
            context.log.progress(sums.checked / max(1, sums.checked + page.left))
    except NoConclusionError as error:
        raise TaskError(str(error)) from None
    text = f"{order.words.capitalize()}: {sums.text()}"
    path = _write(context.reports_folder, now, text, sums.reasons, examples)
    return Answer(
        f"{text}. {sums.gaps:,} gaps, nothing was queued; the report is {path}",
        data={
            "scenes_checked": sums.checked,
            "gaps": sums.gaps,
            "report": path,
            "reasons": dict(_most(sums.reasons)[:SHOWN_REASONS]),
            "examples": {
                outcome.value: [shortened(one, LONGEST_EXAMPLE) for one in of_kind[:SHOWN_EXAMPLES]]
                for outcome in _EXAMPLES_OF
                if (of_kind := examples.get(outcome, []))
            },
        },
    )


def _example(one: Inspected, finding: Finding) -> str:
    lines = [one.scene.label]
    for item, edit in one.edits:
        of_item = lines_of(item, edit)
        if of_item:
            lines.append(f"  item {item.rating_key}, {item.files[0] if item.files else 'no file'}")
            lines += [f"    {line}" for line in of_item]
    lines += [f"  {words}" for words in (*one.image_reasons, *one.elsewhere)]
    if finding.outcome in (Outcome.MISSING, Outcome.AMBIGUOUS) and one.error is not None:
        lines.append(f"  {one.error}")
    return "\n".join(lines)


def _write(
    folder: str,
    now: float,
    sums: str,
    reasons: Counter[str],
    examples: dict[Outcome, list[str]],
) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    time = datetime.datetime.fromtimestamp(now).astimezone()
    path = os.path.join(folder, f"reconciliation-{time:%Y-%m-%d-%H%M%S}.txt")
    lines = [
        f"What a reconciliation would queue, as of {time:%Y-%m-%d %H:%M:%S %Z}.",
        "Nothing was queued.",
        "",
        sums,
        "",
        "Why, by number of scenes; a scene may have several reasons",
        *(f"  {number:>7,} {'#' * _bar(number, reasons)} {why}" for why, number in _most(reasons)),
        *([] if reasons else ["  none"]),
    ]
    for outcome in _EXAMPLES_OF:
        of_kind = examples.get(outcome, [])
        if of_kind:
            first = f", the first {len(of_kind)}" if len(of_kind) == EXAMPLES else ""
            lines += ["", f"Scenes {outcome.value}{first}", "", "\n".join(of_kind)]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write("\n".join(lines) + "\n")
    keep_newest(folder, r"reconciliation-.*\.txt", KEPT_REPORTS)
    return path


def _most(reasons: Counter[str]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))


def _bar(number: int, reasons: Counter[str]) -> int:
    return max(1, round(40 * number / max(reasons.values())))
