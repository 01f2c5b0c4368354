from collections.abc import Sequence

from worker.process.launcher import WORKER_ARGUMENT


def run_arguments(script: str, arguments: Sequence[str]) -> int:
    if arguments[:1] != [WORKER_ARGUMENT]:
        from app.command_line import run_command  # noqa: PLC0415

        return run_command(script, arguments)
    try:
        from app.processes.worker_process import run_worker  # noqa: PLC0415 - a file of it may be missing
    except Exception as error:  # noqa: BLE001 - Stash does not read this process's stderr
        from app.processes.worker_log import leave_record_of_import  # noqa: PLC0415

        leave_record_of_import(script, error)
        return 1
    return run_worker(script, list(arguments[1:]))
