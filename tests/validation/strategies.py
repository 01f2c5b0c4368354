from typing import Any

from hypothesis import strategies as st

# JSON can carry lone surrogates, as "\ud800"; files named on Linux can, too.
ANY_TEXT = st.text(st.characters(exclude_categories=()))

# RFC 8259 knows no NaN and no infinity. Python's reader does: tests of their own.
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT, _nested, max_leaves=5
)


def json_object(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of these members, each well-formed or anything at all."""
    return st.fixed_dictionaries({}, optional={name: one | JSON for name, one in members.items()})
