"""The catalogue of log events. Programs read the code and fields of a log line, not its text."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from shared.log import ERROR, INFO, WARNING

_MAKE_WRITABLE = "Make the plugin's data folder writable"
_KEPT = "Queued jobs are kept"
_REINSTALL = (
    "Files of the plugin are missing or belong to another version: install Stash2Plex again in "
    "Stash, Settings > Plugins"
)


def _at(level: str) -> Callable[[str], tuple[str, str]]:
    return lambda template: (level, " ".join(template.split()))


_info, _warning, _error = _at(INFO), _at(WARNING), _at(ERROR)


class Event(Enum):
    """A log event. In a template, `{jobs:job}` becomes a number with its noun, such as "2 jobs"."""

    SCENE_SYNCED = _info("Synced {label}: {changed} ({seconds:.1f} s)")
    SCENE_IN_STEP = _info("Compared {label}: already up to date ({seconds:.1f} s)")
    SCENE_SKIPPED = _info("Skipped {label}: {reason}")
    JOB_DONE = _info("Removed {label} from the queue: {reason}")
    JOB_RETRIED = _warning("Sync failed for {label}: {reason}. Next try in {seconds:.0f} s")
    JOB_DEAD_LETTERED = _error("""Sync failed permanently for {label}: {reason}. Run the task 'Show
        Dead Letters' for the remedy""")
    JOB_POSTPONED = _info("""Sync postponed for {label}: {reason}. Other scenes go first; next try
        in {seconds:.0f} s""")
    SCENES_QUEUED = _info("After an edit of {label}: {outcome}")
    JOBS_DISABLED = _info("""Removed {jobs:job} from the queue without a sync: Stash2Plex is
        disabled. Switch on the setting Enabled, then run the task 'Sync Recent Scenes to Plex'""")
    SCENES_FOUND = _info("Plex now has {scenes:scene} that it lacked before. The sync starts now")
    DRAIN_PROGRESS = _info("Processed {jobs:job} so far in {seconds:.1f} s: {ends}")
    DRAIN_ENDED = _info("Processed {jobs:job} in {seconds:.1f} s: {ends}")

    FIELD_REFUSED = _warning("""Plex did not accept the {field} of {label}: {cause}. All other
        fields are synced. This field is sent again when its value changes in Stash""")
    NAME_REFUSED = _warning("""Plex did not accept the name '{name}' in the {field} of {label}:
        {cause}. All scenes are synced without this name""")
    COLLECTION_REFUSED = _warning("""Plex did not accept the collection '{name}' for {label}:
        {cause}. If it is a smart collection, rename it in Plex, then run 'Stash2Plex.py sync
        --force' in a shell. All other fields are synced""")
    FIELD_SHORTENED = _warning("""Shortened the {field} of {label}: Plex accepts {length}
        characters. To choose the text yourself, shorten it in Stash""")
    FIELDS_NOT_KEPT = _warning("""Plex confirmed an edit of {label}, but did not keep these fields:
        {fields}. They are sent again when they change in Stash. Edit them in Plex to see whether
        Plex can store them""")
    OTHER_WRITER = _info("""Another program changed {fields} in Plex during the sync of {label}. The
        scene is synced again""")
    EDIT_LOST = _warning("""Plex confirmed an edit of {label}, but the item is unchanged. The
        scene's next sync sends the edit again. If plex_url is the address of a proxy, set it to
        Plex's own address""")
    COVER_UNUSABLE = _warning("""Cannot use the cover of {label}: {error}. Plex keeps its old
        image. Set another cover in Stash""")
    COVER_REFUSED = _warning("""Plex did not accept the {kind} of {label}: {error}. Plex keeps the
        old {kind}. Set another cover in Stash""")
    UPLOADS_DOWN = _warning("""Plex accepts edits but stores no images ({cause}). Waiting images are
        sent when Plex stores images again; all other fields are synced. Check Plex's log: its disk
        may be full, or its folder 'Metadata' not writable""")
    IMAGE_NOT_SELECTED = _warning("""Plex refused to show the uploaded {kind} of {label}: {error}.
        The {kind} is locked as it is. If it is wrong, choose another image in Plex""")
    OVERLAY_LABEL_KEPT = _warning("""Cannot remove the label 'Overlay' from {label}: {error}. Kometa
        may restore the old poster. Remove the label in Plex""")
    MATCH_GUESSED = _warning("""Several files in Plex may match {label}. The sync used {taken}, not
        {others}. If this is the wrong file, set plex_unmatched_path_map, or switch on
        strict_matching""")
    ITEM_SHARED = _warning("{advice}")
    ITEM_UNREADABLE = _warning("{advice}. All other items are synced")
    LISTING_GAP = _warning("""Plex cannot list an item of the library '{library}', between item
        {after} and {before}. This item is not synced; all others are. Find the error in Plex's log,
        and repair Plex's database""")

    SCAN_STARTED = _info("Started a scan in Plex: {folder} in the library '{library}'")
    FOLDER_NOT_IN_PLEX = _warning("""Cannot scan for {label}: no library in Plex contains the folder
        {folder}. Folders in Plex: {locations}. If Plex names the folder differently, set the path
        map, Plex's folder first: {map}""")
    PATHS_LEARNED = _info("Learned the path map (Plex=>Stash) {mapping}")
    PATHS_DROPPED = _info(
        "Removed a learned path map, because it no longer fits: {mapping}{evidence}"
    )
    PATHS_NOT_LEARNED = _warning("""Cannot learn a path map now: {error}. A later scene tries again;
        to be sure, set plex_unmatched_path_map""")

    PLEX_FAILED = _warning(f"Sync paused: {{reason}}. {_KEPT} and resume once Plex works again")
    PLEX_DOWN = _warning(
        f"Plex cannot be used: {{reason}}. {_KEPT} and resume once Plex works again"
    )
    PLEX_BACK = _info(
        "Plex is back after {duration}. Scenes that waited and are synced now: {scenes:,}"
    )
    PLEX_WRITABLE = _info("""Plex saves changes again after {duration}. Scenes that waited and are
        synced now: {scenes:,}""")
    SYNC_PAUSED = _warning(f"Sync paused: {{reason}}. {_KEPT} and resume once this is fixed")
    QUIET_HOURS = _info(f"Sync paused until {{end}} by quiet_hours. {_KEPT}")
    SYNC_SLOWED = _info("""Plex is slow: an edit takes {milliseconds:.0f} ms instead of {usual:.0f}
        ms. Because slow_down is on, the worker waits between batches until Plex is faster""")
    STASH_REFUSED = _warning(f"""Worker stopped: {{error}}. {_KEPT}; the next edit or task starts a
        new worker""")
    SERVER_LEARNED = _info("Learned about this Plex server ({version}): {fact}")
    SETTING_WRONG = _warning("Check your settings: {problem}")
    TLS_UNVERIFIED = _warning("""Certificates are not checked (plex_verify_tls is off): another
        computer can pose as Plex. Set plex_verify_tls to the file of Plex's certificate""")

    WORKER_STARTED = _info("Worker started (process {pid})")
    WORKER_ENDED = _info("Worker ended: {reason}")
    WORKER_STAYS = _info("""The idle worker keeps running, which is normal in a container without
        an init process. No action is needed""")
    WORKER_UNUSABLE = _error(f"Worker cannot start. {_KEPT}. The cause: {{problem}}")
    WORKER_UNCONNECTED = _error(f"""The worker received no Stash connection: its parent process
        died. {_KEPT}; the next edit or task starts a new worker""")
    WORKER_FAILED = _error(f"""Worker crashed. {_KEPT}; the next edit or task starts a new worker.
        Please report this bug: {{trace}}""")
    WORKER_INCOMPLETE = _error(f"""Worker cannot start: {{problem}}. {_KEPT}. {_REINSTALL}. The next
        edit or task then syncs the jobs""")
    WORKER_FILE_REFUSED = _error(f"""Worker stopped: {{problem}}. {_KEPT}. Make this file in the
        plugin's data folder writable for Stash. The next edit or task then syncs the jobs""")
    TASK_INCOMPLETE = _error(f"Task cannot start: {{problem}}. {_KEPT}. {_REINSTALL}")
    WORKER_NOT_STARTED = _error(f"""Worker cannot start: {{problem}}. {_KEPT}; the next edit or task
        tries again. If this repeats, run the task 'Doctor'""")
    LOG_UNWRITABLE = _error("""The worker cannot write its log: {problem}. Edits still reach Plex,
        but their log lines are lost. Make worker.log in the plugin's data folder writable for
        Stash, or delete it""")
    BUG = _error("Bug in Stash2Plex, please report it: {trace}")

    QUEUE_EMPTIED = _error("""The queue's database is empty, although jobs were queued or synced
        before. The cause can be a full disk or a power cut. A reconciliation of all scenes starts
        automatically and queues the scenes that differ from Plex""")
    QUEUE_REBUILT = _error("""The queue's database was damaged ({error}). The file is kept as
        {kept}, and a new database is in use. A reconciliation of all scenes starts automatically
        and finds the lost jobs""")
    QUEUE_REPAIRED = _warning("""Repaired the queue's database after damage ({error}). No job is
        lost""")
    QUEUE_REPLACED = _warning("""The queue's database was damaged ({error}). Another process has
        already replaced it; the worker continues with the new database""")
    INDEX_REBUILT = _warning("""The plugin's list of Plex's files (library.db) was damaged
        ({error}). The worker creates it again from Plex""")
    DATABASE_NOT_REPAIRED = _error(f"""A database of the plugin is damaged ({{error}}) and cannot be
        replaced ({{problem}}). The worker tries again. {_MAKE_WRITABLE}""")
    EDIT_UNREADABLE = _error("""Cannot read a queued edit; its file is kept as {kept}. Run the task
        'Sync Recent Scenes to Plex'""")
    EDIT_NOT_REMOVED = _error(f"""Cannot remove the queued job {{file}} ({{error}}), so each start
        of the worker syncs it again. {_MAKE_WRITABLE}, or delete the file""")
    WAL_REFUSED = _warning("""The file system of {folder} does not support SQLite's write-ahead log,
        which is usual for network shares. The queue uses a rollback journal, which is safe but
        slower. If saving in Stash gets slow, move the plugin's folder to a local disk""")
    STATE_RESET = _warning("""Cannot read {file} ({problem}). The file is kept as {kept}, and a new
        file is in use""")
    STATE_UNREADABLE = _warning("""Cannot read {file} now ({error}). The file stays unchanged, and
        nothing is saved in it until it can be read. Make it readable, or delete it""")
    STATE_NOT_SAVED = _warning(f"""Cannot save {{state}}: {{error}}. {_MAKE_WRITABLE}, or free space
        on its disk""")
    LEGACY_IMPORTED = _info("Imported from the legacy Stash2Plex: {taken}")
    LEGACY_LEFT = _warning("""Imported from the legacy Stash2Plex: {taken}. Not imported: {left}. If
        edits are missing, run the task 'Sync All Scenes to Plex'""")
    LEGACY_POSTPONED = _warning("""The import from the legacy Stash2Plex is postponed to the
        worker's next start: {error}""")

    RECONCILIATION_BEGUN = _info("Started the reconciliation of {scope}")
    RECONCILIATION_RESUMED = _info("Resumed the reconciliation of {scope}")
    RECONCILIATION_PROGRESS = _info("""Reconciliation: {checked:,} of {total:,} scenes checked,
        {gaps:scene} to sync""")
    RECONCILIATION_ENDED = _info("Finished the reconciliation of {scope}. {result}")
    RECONCILIATION_RESTS = _warning("""Reconciliation paused for {minutes:.0f} minutes: {error}. It
        resumes automatically where it stopped""")

    def __init__(self, level: str, template: str) -> None:
        self.code = self.name.lower()
        self.level = level
        self.template = template

    def sentence(self, fields: Mapping[str, object]) -> str:
        return self.template.format_map({name: _words(name, fields[name]) for name in fields})


class _Number(int):
    def __format__(self, format_spec: str) -> str:
        if len(format_spec) > 1 and format_spec.isalpha():
            return f"{int(self):,} {format_spec}{'' if self == 1 else 's'}"
        return super().__format__(format_spec)


def _words(name: str, value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return _Number(value)
    if isinstance(value, str):
        return value[:1].lower() + value[1:] if name == "label" else value
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


class Report(Protocol):
    def __call__(self, event: Event, /, *, level: str = "", **fields: object) -> None: ...


def unreported(_event: Event, /, **_fields: object) -> None:
    pass
