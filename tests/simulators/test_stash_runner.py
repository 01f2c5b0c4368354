"""How the fake Stash runs a plugin's process."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from simulators.stash import Call, Cancel, FakeStash, LogEntry, PluginResult, PluginTimeoutError
from simulators.stash.plugin_log import MAX_LINE
from simulators.stash.plugin_output import decode
from simulators.stash.testkit import YML, install


@pytest.fixture
def stash(tmp_path: Path) -> FakeStash:
    """A Stash that nobody connects to."""
    stash = FakeStash(tmp_path)
    stash.runner.timeout = 30
    return stash


def run(stash: FakeStash, script: str, yml: str = YML, **args: Any) -> PluginResult:
    install(stash, script, yml)
    return stash.run_operation("probe", args)


# ---- input ----


def test_stdin_is_the_json_that_go_writes(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path, username="me")
    install(stash, "")
    stash.add_scene(files=["/a"])
    [hook] = stash.edit_scene(1, title="<é & \u2028>")
    text = hook.result.stdin.decode()
    assert text.startswith('{"server_connection":{"Scheme":"http","Host":"0.0.0.0","Port":')
    assert '"title":"\\u003cé \\u0026 \\u2028\\u003e"' in text
    given = json.loads(text)
    assert list(given) == ["server_connection", "args"]
    connection = given["server_connection"]
    assert list(connection) == ["Scheme", "Host", "Port", "SessionCookie", "Dir", "PluginDir"]
    assert list(connection["SessionCookie"])[:4] == ["Name", "Value", "Quoted", "Path"]
    assert connection["Dir"] == str(tmp_path)
    assert connection["PluginDir"] == str(tmp_path / "plugins" / "probe")
    assert list(given["args"]["hookContext"]) == ["id", "type", "input", "inputFields"]


def test_the_cookie_may_be_null(stash: FakeStash) -> None:
    stash.settings.sends_cookie = False
    result = run(stash, "")
    assert json.loads(result.stdin)["server_connection"]["SessionCookie"] is None


def test_a_plugin_need_not_read_megabytes_of_input(stash: FakeStash) -> None:
    result = run(stash, "print('{\"output\": 1}')", big="x" * 5_000_000)
    assert (result.output, result.error) == (1, None)


def test_a_plugin_can_read_megabytes_of_input(stash: FakeStash) -> None:
    script = "import sys; print(len(sys.stdin.read()))"
    result = run(stash, script, big="x" * 5_000_000)
    assert int(result.output) == len(result.stdin) > 5_000_000


# ---- environment ----


def test_the_plugin_inherits_environment_and_working_directory(
    stash: FakeStash, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/given")
    monkeypatch.setenv("SECRET_OF_STASH", "inherited")
    monkeypatch.setenv("REMOVED", "x")
    stash.runner.env |= {"EXTRA": "more", "REMOVED": None}
    stash.runner.cwd = tmp_path / "cwd"
    stash.runner.cwd.mkdir()
    script = """
        import json, os, sys
        names = ("PYTHONPATH", "SECRET_OF_STASH", "EXTRA", "REMOVED")
        print(json.dumps({"output": [os.getcwd(), sys.executable, sys.argv[0],
                                     [os.environ.get(name) for name in names]]}))
    """
    cwd, executable, argv, environment = run(stash, script).output
    assert cwd == str(tmp_path / "cwd")
    assert executable == sys.executable
    assert argv == str(tmp_path / "plugins" / "probe" / "plugin.py")
    siblings = str(tmp_path / "plugins")
    assert environment == [f"/given{os.pathsep}{siblings}", "inherited", "more", None]


def test_plugin_dir_is_substituted_except_in_the_program(stash: FakeStash) -> None:
    yml = YML.replace("  - python3\n", '  - "{pluginDir}"\n')
    with pytest.raises(Exception, match=r"\{pluginDir\}"):
        run(stash, "", yml)


def test_another_program_is_looked_for_in_the_plugins_folder(stash: FakeStash) -> None:
    yml = YML.replace("  - python3\n", "  - run.sh\n")
    install(stash, "", yml)
    program = stash.root / "plugins" / "probe" / "run.sh"
    program.write_text('#!/bin/sh\necho "{\\"output\\": \\"$PYTHONPATH\\"}"\n')
    program.chmod(0o755)
    stash.runner.env["PYTHONPATH"] = "untouched"
    assert stash.run_operation("probe").output == "untouched"


# ---- answer ----


@pytest.mark.parametrize(
    ("stdout", "exit_code", "expected"),
    [
        (b'{"output": {"a": [1]}}\n', 0, ({"a": [1]}, None)),
        (b'{"error": "bad"}', 0, (None, "bad")),
        (b'{"output": 1, "error": "bad"}', 0, (1, "bad")),
        (b'{"Output": 1, "ERROR": null, "foo": 2}', 0, (1, None)),
        (b'{"foo": 1}', 0, (None, None)),
        (b"null", 0, (None, None)),
        (b"", 0, ("", None)),
        (b"hello\n", 0, ("hello\n", None)),
        (b'debug\n{"output": 1}', 0, ('debug\n{"output": 1}', None)),
        (b'{"output": 1}{"output": 2}', 0, ('{"output": 1}{"output": 2}', None)),
        (b"[1]", 0, ("[1]", None)),
        (b'{"output": NaN}', 0, ('{"output": NaN}', None)),
        (b'{"error": 5}', 0, ('{"error": 5}', "")),
        (b"\xff", 0, ("\ufffd", None)),
        (b'{"output": 1}', 3, (1, "exit status 3")),
        (b'{"error": "bad"}', 3, (None, "bad")),
        (b"", -9, ("", "signal: killed")),
    ],
)
def test_stdout_and_exit_status_make_the_answer(
    stdout: bytes, exit_code: int, expected: tuple[object, str | None]
) -> None:
    assert decode(stdout, exit_code) == expected


def test_a_crash_is_an_error_and_its_trace_is_in_the_log(stash: FakeStash) -> None:
    result = run(stash, "raise ValueError('ouch')")
    assert (result.output, result.error, result.exit_code) == ("", "exit status 1", 1)
    assert "ValueError: ouch" in result.messages("error")
    assert b"Traceback" in result.stderr
    assert not any(entry.prefixed for entry in result.logs)


def test_a_child_that_inherits_stdout_keeps_stash_waiting(stash: FakeStash) -> None:
    fifo = stash.root / "fifo"
    os.mkfifo(fifo)
    child = stash.root / "child.py"
    child.write_text(f"open({str(fifo)!r}).read()\nprint('child')\n")
    script = f"""
        import subprocess, sys
        null = subprocess.DEVNULL
        subprocess.Popen([sys.executable, {str(child)!r}], stdin=null, stderr=null)
        print("parent", flush=True)
    """
    install(stash, script)
    results: list[PluginResult] = []
    thread = threading.Thread(target=lambda: results.append(stash.run_operation("probe")))
    thread.start()
    with fifo.open("w"):  # opens once the child reads
        assert results == []
    thread.join(30)
    assert results[0].output == "parent\nchild\n"


def test_a_child_with_only_stderr_holds_nobody_up_and_finds_it_closed(stash: FakeStash) -> None:
    fifo, done = stash.root / "fifo", stash.root / "done"
    os.mkfifo(fifo)
    os.mkfifo(done)
    child = stash.root / "child.py"
    child.write_text(
        "import os, sys\n"
        f"open({str(fifo)!r}).read()\n"
        "result = 'written'\n"
        "try:\n    os.write(2, b'x')\n"
        "except BrokenPipeError:\n    result = 'broken'\n"
        f"open({str(done)!r}, 'w').write(result)\n"
    )
    script = f"""
        import subprocess, sys
        null = subprocess.DEVNULL
        subprocess.Popen([sys.executable, {str(child)!r}], stdin=null, stdout=null)
        print("parent", flush=True)
    """
    assert run(stash, script).output == "parent\n"
    fifo.open("w").close()
    assert done.read_text() == "broken"


# ---- log ----


def test_log_lines_are_read_by_their_prefix(stash: FakeStash) -> None:
    script = r"""
        import sys
        for level in "tdiwe":
            sys.stderr.write(f"\x01{level}\x02  about {level}  \n")
        sys.stderr.write("bare line\r\n\n\x01i\x02\n\x01z\x02odd\n\x01p\x02nonsense\n\x01i\x02last")
    """
    result = run(stash, script)
    prefix = "[Plugin / Probe] "
    assert result.logs == [
        LogEntry("trace", "about t", prefix),
        LogEntry("debug", "about d", prefix),
        LogEntry("info", "about i", prefix),
        LogEntry("warning", "about w", prefix),
        LogEntry("error", "about e", prefix),
        LogEntry("error", "bare line", prefix, prefixed=False),
        LogEntry("error", "\x01i\x02", prefix, prefixed=False),
        LogEntry("error", "\x01z\x02odd", prefix, prefixed=False),
        LogEntry("error", result.logs[8].text),
        LogEntry("info", "last", prefix),
    ]
    assert result.logs[8].text.startswith("Error parsing progress value 'nonsense'")


@pytest.mark.parametrize(
    ("err_log", "levels"), [("info", ["info"]), ("none", []), ("x", ["error"])]
)
def test_err_log_is_the_level_of_bare_lines(
    stash: FakeStash, err_log: str, levels: list[str]
) -> None:
    result = run(stash, "import sys; sys.stderr.write('bare')", YML + f"errLog: {err_log}\n")
    assert [entry.level for entry in result.logs] == levels


def test_the_longest_line_is_read(stash: FakeStash) -> None:
    size = MAX_LINE - 4  # with the three bytes of its prefix one less than the limit
    result = run(stash, rf"import sys; sys.stderr.write('\x01i\x02' + 'x' * {size} + '\n')")
    assert [len(entry.text) for entry in result.logs] == [size]
    assert not result.log_broken


def test_a_longer_line_ends_the_log_and_breaks_the_pipe(stash: FakeStash) -> None:
    script = rf"""
        import os, sys
        sys.stderr.write("\x01i\x02before\n" + "x" * {MAX_LINE} + "\n")
        try:
            while True:
                sys.stderr.write("\x01i\x02after\n")
        except BrokenPipeError:
            print('{{"output": "broken"}}', flush=True)
            os._exit(0)
    """
    result = run(stash, script)
    assert result.output == "broken"
    assert result.messages() == ["before"]
    assert result.log_broken


def test_many_lines_do_not_block_the_plugin(stash: FakeStash) -> None:
    script = r"""
        import sys
        for number in range(20_000):
            sys.stderr.write(f"\x01i\x02line {number}\n")
        print('{"output": "done"}')
    """
    result = run(stash, script)
    assert result.output == "done"
    assert result.messages()[-1] == "line 19999"


# ---- limits ----


def test_cancelling_kills_the_process_and_returns_at_once(stash: FakeStash) -> None:
    fifo = stash.root / "fifo"
    os.mkfifo(fifo)
    install(stash, f"open({str(fifo)!r}).read()\nimport time\ntime.sleep(60)")
    cancel = Cancel()
    results: list[PluginResult] = []

    def work() -> None:
        results.append(stash.host.operation("probe", {}, Call(cancel=cancel)).result)

    thread = threading.Thread(target=work)
    thread.start()
    fifo.open("w").close()
    cancel.cancel()
    thread.join(30)
    [result] = results
    assert (result.cancelled, result.exit_code) == (True, -9)
    assert result.error == "operation cancelled"


def test_a_time_limit_of_the_test_fails_it(stash: FakeStash) -> None:
    stash.runner.timeout = 0.2
    with pytest.raises(PluginTimeoutError, match="its log so far"):
        run(stash, "import time; time.sleep(60)")


def test_runs_are_timed_and_remembered(stash: FakeStash) -> None:
    result = run(stash, "print('{}')")
    assert result.seconds > 0
    [remembered] = stash.host.runs
    assert (remembered.kind, remembered.plugin_id) == ("operation", "probe")
    assert remembered.result is result
    assert "stdin" not in repr(result), "it holds the session cookie"
