import pytest
from hypothesis import given, strategies as st

from shared.redaction import MASK, Secrets

SECRETS = st.lists(st.text("abXY01", min_size=4, max_size=10), min_size=1, max_size=4)


def secrets_of(*texts: object) -> Secrets:
    secrets = Secrets()
    for text in texts:
        secrets.add(text)
    return secrets


def test_every_occurrence_of_every_secret_is_masked() -> None:
    secrets = secrets_of("token-one", "token-two")
    text = "token-one, token-two, token-one!"
    assert secrets.redact(text) == f"{MASK}, {MASK}, {MASK}!"


@pytest.mark.parametrize("order", [("abcd", "abcdEFGH"), ("abcdEFGH", "abcd")])
def test_a_secret_that_contains_another_leaves_no_rest(order: tuple[str, str]) -> None:
    assert secrets_of(*order).redact("<abcdEFGH>") == f"<{MASK}>"


@pytest.mark.parametrize("nothing", [None, "", "abc", 12345, b"bytes", ["list"], {"a": 1}])
def test_what_is_no_secret_of_some_length_blanks_nothing_out(nothing: object) -> None:
    assert secrets_of(nothing).redact("abc 12345 bytes list") == "abc 12345 bytes list"


@given(known=SECRETS, data=st.data())
def test_no_secret_survives_in_any_text(known: list[str], data: st.DataObject) -> None:
    pieces = st.sampled_from(known) | st.text("abXY01 .")
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    redacted = secrets_of(*known).redact(text)
    assert not [secret for secret in known if secret in redacted]
