"""An invocation with arguments: the worker's process, or the command line."""

from collections.abc import Sequence

from worker.process.launcher import WORKER_ARGUMENT


def run_arguments(script: str, arguments: Sequence[str]) -> int:
    """Run the worker or a command and return the exit status.

    Args:
        arguments: the arguments behind it.

    Raises:
        SystemExit: the command line's help was shown, or the arguments cannot be understood.
    """
    if arguments[:1] != [WORKER_ARGUMENT]:
        # Only here: the worker does not load the command line.
        from app.cli.command_line import run_command  # noqa: PLC0415

        return run_command(script, arguments)
    try:
        from app.processes.worker_process import run_worker  # noqa: PLC0415 - a file of it may be missing
    except Exception as error:  # noqa: BLE001 - nobody reads this process's stderr
        from app.processes.worker_failure import leave_word_of_loading  # noqa: PLC0415

        return leave_word_of_loading(script, error)
    return run_worker(script, list(arguments[1:]))
