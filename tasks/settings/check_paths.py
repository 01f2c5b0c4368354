"""Check Path Mapping: finds the Plex items of all scenes, or of a typed path."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plex.matcher import Rule
from plex.path_learning import LearnedMapping
from stash.scenes import PAGE
from tasks.answer import Answer, Level, TaskError
from tasks.arguments import text
from validation.path_map import PathMap, PrefixPair
from validation.scene_extractor import SceneFile
from worker.services import Services
from worker.sync.session import SyncSession

_NO_SCENE = 0
MOST_SHOWN = 5
EXAMPLES = 10
MAPPINGS_SHOWN = 5
SURVEY_SHARE = 0.5  # of the progress bar; matching the scenes is the other half


@dataclass(slots=True)
class _Coverage:
    """The number of scenes by matching rule; `without` holds examples without an item."""

    by_rule: Counter[Rule] = field(default_factory=Counter)
    ambiguous: int = 0
    missing: int = 0
    without: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """The number of scenes with an item."""
        return self.by_rule.total()

    @property
    def total(self) -> int:
        """The number of scenes."""
        return self.found + self.ambiguous + self.missing

    def by_full_path(self) -> int:
        """The number of scenes found by their full path."""
        return self.found - self.by_rule[Rule.NAME_AND_SIZE]


def check_paths(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Match all scenes, and suggest a path map that finds more items."""
    del arguments
    session = context.sessions.current()
    session.library.prepare()
    session.library.refresh()
    session.learning.survey(session.matcher.is_outside)
    context.log.progress(SURVEY_SHARE)
    coverage = _look_up(context, session)
    return Answer(
        _advice(session, coverage),
        details=_details(session, coverage),
        data={
            "scenes": coverage.total,
            "found_by": {rule.value: coverage.by_rule[rule] for rule in Rule},
            "ambiguous": coverage.ambiguous,
            "missing": coverage.missing,
        },
    )


def _look_up(context: Services, session: SyncSession) -> _Coverage:
    coverage = _Coverage()
    total = context.scenes.count()
    for scene_id, files in session.learning.scenes():
        matching = session.matcher.find(files, scene_id)
        if matching.rule is not None:
            coverage.by_rule[matching.rule] += 1
        elif matching.candidates:
            coverage.ambiguous += 1
        else:
            coverage.missing += 1
        if matching.rule is None and len(coverage.without) < EXAMPLES:
            problem = "several candidates" if matching.candidates else "no item"
            coverage.without.append(f"Scene {scene_id}: {problem} for {files[0].path}")
        if coverage.total % PAGE == 0:
            done = coverage.total / max(total, 1)
            context.log.progress(SURVEY_SHARE + (1 - SURVEY_SHARE) * done)
    return coverage


def _details(session: SyncSession, coverage: _Coverage) -> list[str]:
    counts = [f"{coverage.by_rule[rule]} by {rule.value}" for rule in Rule]
    mappings = session.learning.mappings()[:MAPPINGS_SHOWN]
    return [
        f"{coverage.total} scenes with a file: {', '.join(counts)}, "
        f"{coverage.ambiguous} ambiguous, {coverage.missing} without an item",
        *coverage.without,
        *(
            f"Learned path mapping {mapping}; {'in use' if mapping.usable else 'not in use'}"
            for mapping in mappings
        ),
    ]


def _advice(session: SyncSession, coverage: _Coverage) -> str:
    found = f"{coverage.found} of {coverage.total} scenes have a Plex item"
    helpful = _helpful(session.learning.mappings())
    line = _line([mapping.pair for mapping in helpful], session.config.plex_unmatched_path_map)
    if helpful and coverage.by_rule[Rule.LEARNED_MAPPING]:
        return f"{found}. To keep the learned mapping, set plex_unmatched_path_map to: {line}"
    if helpful and coverage.by_full_path() < coverage.total:
        return f"{found}. To find more, set plex_unmatched_path_map to: {line}"
    if coverage.found == coverage.total:
        return f"{found}: nothing to do"
    return (
        f"{found}. Let Plex scan its libraries for the others. If Plex names folders differently, "
        "set plex_unmatched_path_map as /plex/folder=>/stash/folder"
    )


def _line(wanted: list[PrefixPair], path_map: PathMap) -> str:
    """Return the new value of the setting, including its pairs for other folders."""
    folders = {pair.stash for pair in wanted}
    kept = [pair for pair in path_map.pairs if pair.stash not in folders]
    return "; ".join(str(pair) for pair in (*kept, *wanted))


def _helpful(mappings: list[LearnedMapping]) -> list[LearnedMapping]:
    """Return the learned mappings to set: those in use, else the most likely one."""
    usable = [mapping for mapping in mappings if mapping.usable]
    likely = [mapping for mapping in mappings if mapping.agree > mapping.disagree]
    return usable or likely[:1]


def try_path(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Match a path as the worker does, without listing known libraries again."""
    path = text(arguments, "path")
    if not path:
        message = "path is missing: give a file's path in Stash"
        raise TaskError(message)
    session = context.sessions.current()
    session.library.prepare()
    matcher = session.matcher
    found = matcher.find((SceneFile(path=path, size=0),), _NO_SCENE)
    plex_path = matcher.to_plex(path)
    data = {
        "plex_path": plex_path,
        "rule": None if found.rule is None else found.rule.value,
        "items": [{"rating_key": m.rating_key, "path": m.path} for m in found.matches],
        "candidates": [part.path for part in found.candidates[:MOST_SHOWN]],
    }
    if found.rule is not None:
        keys = ", ".join(str(match.rating_key) for match in found.matches)
        return Answer(f"Found by {found.rule.value}: item {keys}", data=data)
    if found.candidates:
        several = f"{len(found.candidates)} files in Plex may match: set the path map"
        return Answer(several, data=data, level=Level.WARNING)
    missing = f"Plex does not have {plex_path}"
    return Answer(missing, data=data, level=Level.WARNING)
