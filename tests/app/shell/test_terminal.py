import io
import json

from app.command_line import Terminal
from app.processes.task_process import redacted
from shared.log import Log
from tasks.answer import Answer, Level

SECRET = 'a "secret" token'


class Stream(io.StringIO):
    def __init__(self, *, watched: bool) -> None:
        super().__init__()
        self._watched = watched

    def isatty(self) -> bool:
        return self._watched


def opened(*, watched: bool = False) -> tuple[Terminal, Log, Stream, Stream]:
    out, err = Stream(watched=watched), Stream(watched=watched)
    terminal = Terminal(out, err)
    terminal.log.secrets.add(SECRET)
    return terminal, terminal.log, out, err


def test_log_lines_are_plain_and_say_what_needs_a_look() -> None:
    _, log, out, err = opened()

    log.debug("for developers")
    log.info("Scene 1: queued")
    log.warning(f"odd: {SECRET}")
    log.error("broken\nin two lines")
    log.progress(0.5)

    assert out.getvalue() == ""
    assert err.getvalue() == (
        "Scene 1: queued\nwarning: odd: [redacted]\nerror: broken\\nin two lines\n"
    )


def test_who_watches_sees_percent_in_one_line_that_the_next_takes_the_place_of() -> None:
    terminal, log, _, err = opened(watched=True)

    for fraction in (0.0, 0.004, 0.5):
        log.progress(fraction)
    log.info("half")
    log.progress(1.0)
    terminal.answer(Answer("done"))

    wipe = "\r      \r"
    assert err.getvalue() == f"\r  0 %\r 50 %{wipe}half\n\r100 %{wipe}"


def test_an_answer_keeps_secrets_and_control_characters_to_itself() -> None:
    terminal, _, out, _ = opened()

    terminal.answer(Answer(f"text {SECRET}", details=["a title\x1b[2J", f"detail {SECRET}"]))

    assert out.getvalue() == "a title\\x1b[2J\ndetail [redacted]\ntext [redacted]\n"


def test_an_answer_for_programs_keeps_secrets_to_itself_however_json_writes_them() -> None:
    terminal, log, out, _ = opened()
    answer = Answer("t", data={"checks": [{"text": SECRET, "n": 3}]}, level=Level.WARNING)

    terminal.answer_as_json(redacted(answer.as_json(), log))

    assert json.loads(out.getvalue()) == {
        "level": "warning", "text": "t", "checks": [{"text": "[redacted]", "n": 3}],
    }  # fmt: skip
    assert "secret" not in out.getvalue()
