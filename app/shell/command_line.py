"""The command line: the same functions as the tasks, for a shell, cron and systemd."""

import io
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from app.installation import installed_version
from app.shell.access import current_user, objection, place
from app.shell.command_parser import make_parser, task_arguments
from app.task_process import redacted, run_task
from shared.log import DEBUG, ERROR, PROGRESS, TRACE, WARNING, Log, one_line
from shared.redaction import Secrets
from tasks.answer import Answer, Level, TaskError
from tasks.doctor import MODE as DOCTOR

_PREFIXES = {WARNING: "warning: ", ERROR: "error: "}
DONE, SOMETHING_WRONG, NOT_DONE, INTERRUPTED = 0, 1, 3, 130  # argparse itself ends with 2
API_KEY = "STASH_API_KEY"


class Terminal:
    """Writes to two streams, and nothing that breaks a terminal or tells a secret.

    Args:
        out: takes the answers.
        err: takes log lines; and, when a person is watching, the progress in percent.
        secrets: are redacted from the answers; the log redacts its own lines.
    """

    def __init__(self, out: TextIO, err: TextIO, secrets: Secrets) -> None:
        self._out = out
        self._err = err
        self._secrets = secrets
        self._watched = err.isatty()
        self._percent = ""

    def sink(self, level: str, text: str) -> None:
        """Write one record of a log (see `shared.log.Log`)."""
        if level == PROGRESS:
            self._show(f"{float(text) * 100:3.0f} %")
        elif level not in (TRACE, DEBUG):
            self._show("")
            self._err.write(f"{_PREFIXES.get(level, '')}{text}\n")
            self._err.flush()

    def _show(self, percent: str) -> None:
        """Show the progress in a line that the next one takes the place of."""
        if not self._watched or percent == self._percent:
            return
        self._err.write(f"\r{percent}" if percent else "\r      \r")
        self._err.flush()
        self._percent = percent

    def answer(self, answer: Answer) -> None:
        """Print an answer for people, its details first."""
        self._show("")
        for line in (*answer.details, answer.text):
            self._out.write(one_line(self._secrets.redact(line)) + "\n")
        self._out.flush()

    def answer_as_json(self, answer: dict[str, Any]) -> None:
        """Print an answer for programs."""
        self._show("")
        self._out.write(json.dumps(self._redacted(answer), indent=2) + "\n")
        self._out.flush()

    def _redacted(self, value: Any) -> Any:
        """Redact the texts themselves: JSON writes odd characters of a secret in another way."""
        if isinstance(value, str):
            return self._secrets.redact(value)
        if isinstance(value, Mapping):
            return {key: self._redacted(one) for key, one in value.items()}
        if isinstance(value, Sequence):
            return [self._redacted(one) for one in value]
        return value


def run_command(script: str, arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    Args:
        script: the plugin's entry script.
        arguments: what stands behind it; nothing gets the help.

    Raises:
        SystemExit: the help was shown, or the arguments cannot be understood.
    """
    _forgive_encodings()
    parser = make_parser(installed_version(script), os.environ)
    if not arguments:
        parser.print_help()
        return DONE
    options = parser.parse_args(arguments)
    secrets = Secrets()
    terminal = Terminal(sys.stdout, sys.stderr, secrets)
    log = Log(terminal.sink, secrets)
    connection = _connection(options.stash, options.plex, secrets)
    try:
        _look_around(os.path.dirname(script), log, for_doctor=options.mode == DOCTOR)
        arguments_of_task = task_arguments(options)
        answer = run_task(script, connection, arguments_of_task, log, secrets, in_stash=False)
    except TaskError as error:
        log.error(str(error))
        if options.json:
            terminal.answer_as_json({"error": log.redact(str(error))})
        return NOT_DONE
    except KeyboardInterrupt:
        log.error("Stopped; what was queued stays queued")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the last line of defence of a process
        trace = secrets.redact(traceback.format_exc())
        sys.stderr.write(f"error: A bug of Stash2Plex, please report it:\n{trace}")
        return NOT_DONE
    if options.json:
        terminal.answer_as_json(redacted(answer.as_json(), log))
    else:
        terminal.answer(answer)
    return _exit_code(answer, strict=options.strict)


def _connection(stash: dict[str, Any], plex: str | None, secrets: Secrets) -> dict[str, Any]:
    """Return what Stash itself would have passed on, as far as a shell can know it.

    The key leaves the environment here: a worker that is started gets it through a pipe.
    """
    key = os.environ.pop(API_KEY, "").strip()
    secrets.add(key)
    return stash | ({"ApiKey": key} if key else {}) | ({"PlexUrl": plex} if plex else {})


def _look_around(plugin_dir: str, log: Log, *, for_doctor: bool) -> None:
    """See to it that this is the folder of Stash's own runs.

    Raises:
        TaskError: it is somebody else's, or cannot be written to; of one that is there, the Doctor
            tells that himself.
    """
    folder = place(plugin_dir, os.environ)
    exists = os.path.exists(folder)
    if for_doctor and exists:
        return
    problem = objection(plugin_dir, os.environ, current_user())
    if problem:
        raise TaskError(problem)
    if not exists:
        log.warning(
            f"There is no data folder yet: {folder} is made now. If Stash has run the plugin "
            "before, it keeps its data elsewhere: set STASH_PLUGIN_DATA to that folder"
        )


def _exit_code(answer: Answer, *, strict: bool) -> int:
    if answer.level is Level.FAULT or (strict and answer.level is Level.WARNING):
        return SOMETHING_WRONG
    return DONE


def _forgive_encodings() -> None:
    """Let a title that the terminal's encoding lacks be escaped instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
