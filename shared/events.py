"""The catalogue of events that the worker reports: code, level and sentence of each.

The worker's log file holds codes and fields, so no program reads sentences. `docs/log.md` lists the
same events with the remedies.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from shared.log import ERROR, INFO, WARNING

_MAKE_WRITABLE = "Make the plugin's data folder writable"


def _info(template: str) -> tuple[str, str]:
    return INFO, template


def _warning(template: str) -> tuple[str, str]:
    return WARNING, template


def _error(template: str) -> tuple[str, str]:
    return ERROR, template


class Event(Enum):
    """An event: its level, and its sentence with the names of its fields."""

    # How a job ends.
    SCENE_SYNCED = _info("{label}: synced: {changed}; {seconds:.1f} s")
    SCENE_IN_STEP = _info("{label}: already in step; {seconds:.1f} s")
    SCENE_SKIPPED = _info("{label}: skipped: {reason}")
    JOB_DONE = _info("{label}: done: {reason}; {seconds:.1f} s")
    JOB_RETRIED = _warning("{label}: {reason}. Next try in {seconds:.0f} s")
    JOB_DEAD_LETTERED = _error(
        "{label}: {reason}. It is in the dead letters: the task 'Show Dead Letters' tells what to "
        "do",
    )
    # Other news of jobs.
    JOB_POSTPONED = _info("{label}: {reason}. Other scenes go first; next try in {seconds:.0f} s")
    SCENES_QUEUED = _info("{label}: {outcome}")
    JOBS_DISABLED = _info(
        "{jobs} jobs finished without effect: Stash2Plex is disabled. Switch the setting Enabled "
        "on, then run the task 'Sync Recent Scenes to Plex'",
    )
    SCENES_FOUND = _info("{scenes} scenes that Plex did not have are there now")
    DRAIN_PROGRESS = _info("So far: {jobs} jobs in {seconds:.1f} s: {ends}")
    DRAIN_ENDED = _info("Drained: {jobs} jobs in {seconds:.1f} s: {ends}")

    # Parts of a scene.
    FIELD_REFUSED = _warning(
        "{label}: Plex does not take its {field} ({cause}). The rest was sent; the {field} is "
        "tried again when it changes in Stash",
    )
    NAME_REFUSED = _warning(
        "{label}: Plex does not take the name '{name}' ({cause}). Scenes are synced without it",
    )
    COLLECTION_REFUSED = _warning(
        "{label}: Plex adds no scene to the collection '{name}' ({cause}). A smart collection "
        "fills itself: rename it in Plex, then run 'Sync All Scenes to Plex' with force. All other "
        "fields of its scenes are synced",
    )
    FIELD_SHORTENED = _warning(
        "{label}: Plex does not take so long a {field}: it was cut to {length} characters. "
        "Shorten it in Stash to choose what is shown",
    )
    FIELDS_NOT_KEPT = _warning(
        "{label}: Plex did not keep: {fields}, although it said so. They are not sent again until "
        "they change in Stash; edit them in Plex to see whether it can",
    )
    OTHER_WRITER = _info(
        "{label}: somebody else wrote to its item in Plex while it was synced ({fields}); it is "
        "synced once more",
    )
    EDIT_LOST = _warning(
        "{label}: Plex kept nothing of an edit, although it said so; it is sent again at the "
        "scene's next sync. Does a proxy answer in Plex's place?",
    )
    COVER_UNUSABLE = _warning("{label}: {error}; Plex keeps its image. Set another in Stash")
    COVER_REFUSED = _warning("{label}: {error}; it stays without this {kind}. Set another cover")
    UPLOADS_DOWN = _warning(
        "Plex takes edits but stores no images ({cause}). Images wait and are sent when Plex "
        "stores them again; all other fields are synced. Look for the reason in Plex's own log: "
        "its disk may be full, or its folder 'Metadata' not writable",
    )
    IMAGE_NOT_SELECTED = _warning(
        "{label}: {error}; its {kind} is locked as it is. Choose another in Plex if it is the "
        "wrong one",
    )
    OVERLAY_LABEL_KEPT = _warning("{label}: {error}; Kometa may put the old poster back")
    MATCH_GUESSED = _warning(
        "{label}: several files of Plex may be it, strict_matching is off: took {taken}, not "
        "{others}",
    )
    ITEM_SHARED = _warning("{advice}")
    ITEM_UNREADABLE = _warning("{advice}. All other items are synced")
    LISTING_GAP = _warning(
        "Plex fails whenever a list contains the item between {after} and {before} of the library "
        "'{library}'. This item is not synced, all others are. Look for an error in Plex's log, "
        "and repair Plex's database",
    )

    # Paths and folders.
    SCAN_STARTED = _info("Plex scans {folder} in '{library}' for new scenes")
    FOLDER_NOT_IN_PLEX = _warning(
        "{label}: Plex cannot scan for it, no library of Plex has the folder {folder}; they have "
        "{locations}. If Plex has the files under another name, set the Path map, Plex's folder "
        "first: {map}",
    )
    PATHS_LEARNED = _info("Learned path mapping {mapping}")
    PATHS_DROPPED = _info(
        "Dropped the learned path mapping {mapping}, which no longer holds{evidence}",
    )
    PATHS_NOT_LEARNED = _warning(
        "No path mapping was learned: {error}. It is tried again with a later scene; to be sure, "
        "set plex_unmatched_path_map",
    )

    # Plex or Stash away, settings.
    PLEX_FAILED = _warning("{reason}. All jobs wait, none is lost; they go on by themselves")
    PLEX_DOWN = _warning("Plex is down: {reason}. Edits are kept and go on by themselves")
    PLEX_BACK = _info("Plex is back after {duration}; {scenes} scenes waited")
    PLEX_WRITABLE = _info("Plex saves changes again after {duration}; {scenes} scenes waited")
    SYNC_PAUSED = _warning(
        "{reason}. All jobs wait, none is lost; they go on when that has changed",
    )
    STASH_REFUSED = _warning(
        "{error}. The jobs stay queued; the next edit in Stash or any task of Stash2Plex goes on "
        "with them",
    )
    SERVER_LEARNED = _info("Learned about this Plex server ({version}): {fact}")
    SETTING_WRONG = _warning("Setting {problem}")
    TLS_UNVERIFIED = _warning(
        "plex_verify_tls is off: anyone on the network may pose as Plex; set it to the file of "
        "Plex's certificate",
    )

    # The worker's process.
    WORKER_STARTED = _info("The worker has started (process {pid})")
    WORKER_ENDED = _info("The worker has ended ({outcome})")
    WORKER_STAYS = _info(
        "Nothing reaps ended processes here, as in a container without an init: the idle worker "
        "does not end but waits for the next edit",
    )
    WORKER_UNUSABLE = _error("{problem}. The queued edits wait")
    WORKER_UNCONNECTED = _error(
        "Whoever started this worker died before it told where Stash is; the jobs wait for the "
        "next edit or task, which starts another",
    )
    WORKER_FAILED = _error(
        "The worker had to end; the jobs are kept, and the next edit or task starts another. "
        "Please report this: {trace}",
    )
    WORKER_INCOMPLETE = _error(
        "The worker could not start ({problem}); the jobs are kept. Files of the plugin are "
        "missing or do not fit together: install Stash2Plex again in Stash, Settings > Plugins, "
        "then the next edit or task syncs the jobs",
    )
    WORKER_FILE_REFUSED = _error(
        "The worker had to end ({problem}); the jobs are kept. Make this file in the plugin's data "
        "folder writable for Stash, then the next edit or task syncs the jobs",
    )
    TASK_INCOMPLETE = _error(
        "The task could not start ({problem}); the jobs are kept. Files of the plugin are missing "
        "or do not fit together: install Stash2Plex again in Stash, Settings > Plugins",
    )
    WORKER_NOT_STARTED = _error(
        "The worker could not start ({problem}); the jobs are kept, and the next edit or task "
        "tries it again. If it says so again, run the task 'Doctor'",
    )
    LOG_UNWRITABLE = _error(
        "The worker's log cannot be written ({problem}): edits go on to Plex, but what the worker "
        "has to say of them is lost. Make worker.log in the plugin's data folder writable for "
        "Stash, or remove it",
    )
    BUG = _error("A bug of Stash2Plex, please report it: {trace}")

    # The plugin's own files.
    QUEUE_EMPTIED = _error(
        "The queue's database is empty, though jobs were queued or synced before. Jobs that "
        "waited in it are lost, as after a full disk or a power cut. A reconciliation of all "
        "scenes starts automatically and finds them",
    )
    QUEUE_REBUILT = _error(
        "The queue's database was damaged ({error}) and is kept as {kept}. A fresh one is in use; "
        "a reconciliation of all scenes begins by itself and finds what was waiting in it",
    )
    QUEUE_REPAIRED = _warning(
        "The queue's database was damaged ({error}) and is mended; no job is lost",
    )
    QUEUE_REPLACED = _warning(
        "The queue's database was damaged ({error}); another process has set it aside already, "
        "and the worker goes on with the fresh one",
    )
    INDEX_REBUILT = _warning(
        "The index of Plex's files (library.db) was damaged ({error}); it is made anew",
    )
    DATABASE_NOT_REPAIRED = _error(
        "A database of the plugin is damaged ({error}) and could not be set aside ({problem}); "
        f"that is tried again. {_MAKE_WRITABLE}",
    )
    EDIT_UNREADABLE = _error(
        "An edit that was queued beside the database cannot be read; the file is kept as {kept}. "
        "Run the task 'Sync Recent Scenes to Plex'",
    )
    EDIT_NOT_REMOVED = _error(
        "The plugin cannot remove the queued job {file} ({error}), so it is synced once more at "
        f"each start. {_MAKE_WRITABLE}, or remove the file",
    )
    WAL_REFUSED = _warning(
        "The file system of {folder} refuses SQLite's write-ahead log, as network shares do. The "
        "queue works with a rollback journal, as safe but slower: if saving in Stash gets slow, "
        "put the plugin's folder on a local disk",
    )
    STATE_RESET = _warning(
        "{file} could not be read ({problem}); it was set aside as {kept} and starts afresh",
    )
    STATE_UNREADABLE = _warning(
        "{file} could not be read now ({error}); it stays as it is, and nothing is noted in it "
        "before it was read. Make it readable, or remove it",
    )
    STATE_NOT_SAVED = _warning(
        f"{{state}} could not be saved: {{error}}. {_MAKE_WRITABLE}, or free space on its disk",
    )
    LEGACY_IMPORTED = _info("Taken over from the earlier Stash2Plex: {taken}")
    LEGACY_LEFT = _warning(
        "Taken over from the earlier Stash2Plex: {taken}. Left behind: {left}. If edits were among "
        "that, the task 'Sync All Scenes to Plex' finds them",
    )
    LEGACY_POSTPONED = _warning(
        "What the earlier Stash2Plex left is taken over at the next start: {error}",
    )

    # Reconciliation.
    RECONCILIATION_BEGUN = _info("Reconciliation of {scope} begins")
    RECONCILIATION_RESUMED = _info("Reconciliation of {scope} goes on")
    RECONCILIATION_PROGRESS = _info("{checked:,} of {total:,} scenes checked, {gaps:,} gaps")
    RECONCILIATION_ENDED = _info("Reconciliation of {scope}: {result}")
    RECONCILIATION_RESTS = _warning(
        "The reconciliation rests for {minutes:.0f} minutes: {error}. It goes on by itself where "
        "it was",
    )

    def __init__(self, level: str, template: str) -> None:
        self.level = level
        self.template = template

    @property
    def code(self) -> str:
        """The name of the event in the worker's log file."""
        return self.name.lower()

    def sentence(self, fields: Mapping[str, object]) -> str:
        """Return the sentence for people; `fields` has a value for each name in the template."""
        return self.template.format_map({name: _listed(value) for name, value in fields.items()})


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


class Report(Protocol):
    """Takes an event with its fields: `Log.event`, or a stand-in."""

    def __call__(self, event: Event, /, *, level: str = "", **fields: object) -> None: ...


def unreported(_event: Event, /, *, level: str = "", **_fields: object) -> None:
    """Report nothing."""
    del level
