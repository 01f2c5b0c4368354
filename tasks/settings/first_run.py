"""The first run: the steps that the page in Stash shows until all scenes are synced once."""

from shared.state_file import read_state, write_state
from tasks.answer import Answer
from worker.services import Services

STEPS, DONE = ("libraries", "paths", "preview"), "done"


def first_run(services: Services, *, step: str) -> Answer:
    write_state(services.folder.first_run, {"step": step})
    return Answer(f"Stored the step of the first run: {step}", data={"step": step})


def current_step(services: Services, kind: str, *, has_synced: bool) -> str | None:
    # A stored step keeps the first run open, even if a scene is synced meanwhile.
    stored = _stored_step(services)
    if stored or has_synced or kind not in ("unconfigured", "nothing_yet"):
        return stored if stored in STEPS else None
    if kind == "unconfigured":
        first_run(services, step=STEPS[0])
    return STEPS[0]


def end_first_run(services: Services) -> None:
    if _stored_step(services) in STEPS:
        first_run(services, step=DONE)


def _stored_step(services: Services) -> str | None:
    state = read_state(services.folder.first_run, services.log.event, services.clock())
    step = state.get("step")
    return step if step in (*STEPS, DONE) else None
