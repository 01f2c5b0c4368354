import re
from collections.abc import Mapping
from typing import Any

from validation.values import ValueProblem

NAMES = ("title", "studio", "date", "performers", "code")
_FIELD = re.compile(r"\{(.*?)\}")
_BETWEEN = re.compile(r"""([)\]>»”"']*)(.*?)([(\[<«“"']*)""", re.DOTALL)
_BRACKETS_AROUND_FIELDS = re.compile(r"([(\[<«“])([^()\[\]<>«»“”]*\{[^()\[\]<>«»“”]*)([)\]>»”])")


def parse_template(value: Any) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    names = _FIELD.findall(text)
    if not names or not {*names} <= {*NAMES}:
        raise ValueProblem(f"a text with some of {' '.join(f'{{{name}}}' for name in NAMES)}")
    return text


def filled(template: str, values: Mapping[str, str]) -> str:
    """Insert values into a template. For an empty value, also remove the separator beside it."""
    known = dict(values)
    while group := _BRACKETS_AROUND_FIELDS.search(template):
        opening, inner, closing = group.groups()
        text, name = _joined(inner, known), str(len(known))
        known[name] = text and f"{opening}{text}{closing}"
        template = f"{template[: group.start()]}{{{name}}}{template[group.end() :]}"
    return _joined(template, known)


def _joined(template: str, values: Mapping[str, str]) -> str:
    texts = _FIELD.split(template)
    between = [match.groups() for text in texts[::2] if (match := _BETWEEN.fullmatch(text))]
    filled_fields = ""
    for (_, separator, opening), name, (closing, *_) in zip(
        between, texts[1::2], between[1:], strict=False
    ):
        if values[name]:
            filled_fields += separator if filled_fields else ""
            filled_fields += f"{opening}{values[name]}{closing}"
    start, end = "".join(between[0][:2]), "".join(between[-1][1:])
    return f"{start}{filled_fields}{end}" if filled_fields else ""
