import pytest

from shared.events import Event


class Reported(list[str]):
    """The codes of the events that were reported; `fields` has the fields of each."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, object]] = []

    def __call__(self, event: Event, /, *, level: str = "", **fields: object) -> None:
        del level
        assert event.sentence(fields)
        self.append(event.code)
        self.fields.append(fields)


def no_report(event: Event, /, *, level: str = "", **fields: object) -> None:
    del level
    pytest.fail(event.sentence(fields))
