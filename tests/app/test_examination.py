import pytest

from app.doctor import _safely
from shared.log import Log
from tasks.doctor.finding import Finding, unchecked


@pytest.mark.parametrize(
    ("error", "why"),
    [(PermissionError(13, "Permission denied", "/home/bob/x"), "Permission denied"),
     (KeyError("/home/bob"), "KeyError")],
)  # fmt: skip
def test_a_check_that_raises_is_unchecked_with_its_trace(error: Exception, why: str) -> None:
    lines: list[tuple[str, str]] = []

    def broken() -> Finding:
        raise error

    found = _safely("worker", broken, Log(lambda level, text, *_: lines.append((level, text))))

    assert found == unchecked(why)
    ((level, text),) = lines
    assert level == "d"
    assert "in broken" in text
