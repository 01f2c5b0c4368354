import os
from collections.abc import Mapping

OVERRIDE_VARIABLE = "STASH_PLUGIN_DATA"


class DataFolder:
    def __init__(self, root: str) -> None:
        self.root = root
        self.queue_folder = os.path.join(root, "queue")
        self.spool = os.path.join(self.queue_folder, "spool")
        self.queue_database = os.path.join(self.queue_folder, "data.db")
        self.library_database = os.path.join(root, "library.db")
        self.worker_lock = os.path.join(root, "worker.lock")
        self.zombie_state = os.path.join(root, "orphans.json")
        self.takeover_lock = os.path.join(root, "takeover.lock")
        self.worker_log = os.path.join(root, "worker.log")
        self.unreported = os.path.join(root, "worker.news")
        self.relay_lock = os.path.join(root, "relay.lock")
        self.relayed = os.path.join(root, "relayed.json")
        self.circuit_breaker = os.path.join(root, "circuit_breaker.json")
        self.recovery_state = os.path.join(root, "recovery_state.json")
        self.outage_history = os.path.join(root, "outage_history.json")
        self.stats = os.path.join(root, "stats.json")
        self.pause = os.path.join(root, "pause.json")
        self.device_id = os.path.join(root, "device_id.json")
        self.obfuscate_paths = os.path.join(root, "obfuscate_paths")
        self.reported_settings = os.path.join(root, "reported_settings.json")
        self.shown_settings = os.path.join(root, "shown_settings.json")
        self.reconciliation_lock = os.path.join(root, "reconciliation.lock")
        self.reconciliation_state = os.path.join(root, "reconciliation_state.json")
        self.sign_in = os.path.join(root, "sign_in.json")
        self.sign_in_choice = os.path.join(root, "sign_in_choice.json")
        self.first_run = os.path.join(root, "first_run.json")
        self.write_test = os.path.join(root, "write_test.json")
        self.restore_question = os.path.join(root, "restore_question.json")
        self.unlock_question = os.path.join(root, "unlock_question.json")
        self.reports = os.path.join(root, "reports")

    def create(self) -> None:
        for folder in (self.queue_folder, self.spool):
            try:
                os.makedirs(folder, mode=0o700, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                error.strerror = (
                    "a file is in the place of a folder of this path; delete or rename the file"
                )
                raise


def preferred_folder(plugin_dir: str, environ: Mapping[str, str]) -> str:
    return os.path.abspath(environ.get(OVERRIDE_VARIABLE) or os.path.join(plugin_dir, "data"))


def data_folder_of(
    script: str, connection: object, environ: Mapping[str, str] = os.environ
) -> DataFolder:
    preferred = DataFolder(preferred_folder(os.path.dirname(script), environ))
    stash_dir = connection.get("Dir") if isinstance(connection, dict) else None
    is_final = not stash_dir or bool(environ.get(OVERRIDE_VARIABLE))
    try:
        preferred.create()
    except OSError:
        if is_final:
            raise
    else:
        if is_final or os.access(preferred.spool, os.W_OK):
            return preferred
    beside_config = DataFolder(os.path.join(str(stash_dir), "Stash2Plex-data"))
    beside_config.create()
    return beside_config
