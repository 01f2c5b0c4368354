from collections import Counter
from typing import Any

from plex.matcher import Rule
from plex.path_learning import FEWEST_PAIRS
from stash.scenes import PAGE
from tasks.answer import Answer, Level
from validation.path_map import PathMap
from validation.scene_extractor import SceneFile
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.session import SyncSession

MOST_SHOWN = 5
EXAMPLES = 10
SURVEY_SHARE = 0.5
_UNUSED = f"not in use until {FEWEST_PAIRS} scenes agree and none disagrees"
_AMBIGUOUS, _MISSING = "several candidates", "no item"
_Counts = Counter[Rule | str]


def check_paths(services: Services) -> Answer:
    session = services.sessions.current()
    session.library.prepare()
    session.library.refresh()
    session.learning.survey(session.matcher.is_outside)
    services.log.progress(SURVEY_SHARE)
    counts, examples = _match_all(services, session)
    outcomes = [(counts[rule], f"found in Plex by {rule.value}") for rule in Rule]
    outcomes.append((counts[_AMBIGUOUS], "with several candidates"))
    outcomes.append((counts[_MISSING], "without an item"))
    line = "Scene {scene_id}: Plex has {problem} for {path}"
    details = [f"{counted(counts.total(), 'scene')} with a file: {counts_text(outcomes) or 'none'}"]
    details += [line.format(**example) for example in examples]
    for mapping in session.learning.mappings()[:MOST_SHOWN]:
        use = "in use" if mapping.usable else _UNUSED
        details.append(f"Learned path map (Plex=>Stash) {mapping}; {use}")
    advice, path_map = _advice(session, counts)
    return Answer(
        advice,
        details=details,
        data={
            "scenes": counts.total(),
            "found_by": {rule.value: counts[rule] for rule in Rule},
            "ambiguous": counts[_AMBIGUOUS],
            "missing": counts[_MISSING],
            "examples": examples,
            "proposed_path_map": path_map,
        },
    )


def _match_all(services: Services, session: SyncSession) -> tuple[_Counts, list[dict[str, Any]]]:
    counts, examples = _Counts(), list[dict[str, Any]]()
    total = services.scenes.count()
    for scene_id, files in session.learning.scenes():
        matching = session.matcher.find(files, scene_id)
        problem = _AMBIGUOUS if matching.candidates else _MISSING
        counts[matching.rule or problem] += 1
        if matching.rule is None and len(examples) < EXAMPLES:
            examples.append({"scene_id": scene_id, "problem": problem, "path": files[0].path})
        if counts.total() % PAGE == 0:
            done = counts.total() / max(total, 1)
            services.log.progress(SURVEY_SHARE + (1 - SURVEY_SHARE) * done)
    return counts, examples


def _advice(session: SyncSession, counts: _Counts) -> tuple[str, str]:
    total, found = counts.total(), sum(counts[rule] for rule in Rule)
    text = f"{found} of {total} scenes have a Plex item"
    mappings = session.learning.mappings()
    likely = [mapping for mapping in mappings if mapping.agree > mapping.disagree]
    helpful = [mapping for mapping in mappings if mapping.usable] or likely[:1]
    folders = {mapping.pair.stash for mapping in helpful}
    pairs = session.config.plex_unmatched_path_map.pairs
    kept = [pair for pair in pairs if pair.stash not in folders]
    path_map = str(PathMap((*kept, *(mapping.pair for mapping in helpful))))
    to_set = f"set plex_unmatched_path_map to: {path_map}"
    if helpful and counts[Rule.LEARNED_MAPPING]:
        return f"{text}. To keep the learned path map, {to_set}", path_map
    if helpful and found - counts[Rule.NAME_AND_SIZE] < total:
        return f"{text}. To find scenes by their paths, {to_set}", path_map
    if found == total:
        return f"{text}: nothing to do", ""
    example = "plex_unmatched_path_map as /plex/folder=>/stash/folder"
    hint = "" if path_map else f". If Plex names folders differently, set {example}"
    return f"{text}. Let Plex scan its libraries for the others{hint}", ""


def try_path(services: Services, *, path: str) -> Answer:
    session = services.sessions.current()
    session.library.prepare()
    found = session.matcher.find((SceneFile(path=path, size=0),), 0)
    plex_path = session.matcher.to_plex(path)
    data = {
        "plex_path": plex_path,
        "rule": None if found.rule is None else found.rule.value,
        "items": [{"rating_key": m.rating_key, "path": m.path} for m in found.matches],
        "candidates": [part.path for part in found.candidates[:MOST_SHOWN]],
    }
    if found.rule is not None:
        keys = ", ".join(str(match.rating_key) for match in found.matches)
        return Answer(f"Found by {found.rule.value}: item {keys}", data=data)
    text = f"Plex does not have {plex_path}"
    if found.candidates:
        text = f"{len(found.candidates)} files in Plex may match: set the path map"
    return Answer(text, data=data, level=Level.WARNING)
