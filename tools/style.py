"""`python -m tools.style`: find prose that is hard to read, as a part of `make check`.

The check reads docstrings and comments of shipped code and tools, the documentation, and the
subjects of the last commits.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LONGEST_SENTENCE, LONGEST_SUBJECT, COMMITS = 30, 72, 30

BETTER_WORDS = {
    r"bur(?:y|ies|ied)": "dead-letter",
    r"gives? back|gave back": "release",
    r"inbox|takes? in|took in": "spool, import",
    r"hurry|hurries": "make due now",
    r"suspects?": "poison jobs",
    r"(?:un)?settle[sd]?|settlement": "finalize, finalizer",
    r"tells? (?:the )?story|leaves? word|news": "report, record",
    r"aside": "quarantine, idle task",
    r"spare time|waiter|door": "idle task, parked process, wake-up pipe",
    r"orphans?": "zombie",
    r"takeover": "lock handover",
    r"spares? the collector": "tune the garbage collector",
    r"earlier implementation": "legacy",
    r"mend(?:s|er|ed|ing)?|rescues?d?": "repair",
    r"disguise[sd]?": "obfuscate, pseudonym",
    r"glance": "dashboard",
    r"anew": "again",
    r"go(?:es|ing)? on": "continue",
    r"in step": "up to date",
    r"tells? whether": "return whether",
    r"namesakes?|rivals?|holders of": "competing scenes, libraries that contain",
    r"brakes?|damp(?:s|ed|ing)": "safety limit, cool-down",
    r"fate|need(?:s|ed)? you|stand(?:s|ing)? still": "outcome, needs attention, is blocked",
    r"steady": "boot time",
    r"cures?d?": "remedy",
    r"whoever|whatever|nobody|somebody|all that": "a noun",
    r"as above|as there|as before|see (?:above|there|below)|likewise|ditto": "the reason itself",
    r"(?:spec|design|style)[.]md|(?:plex|stash)[-]protocol": "the reason, or a page in docs/",
}
_WORDS = re.compile(rf"\b(?:{'|'.join(f'({word})' for word in BETTER_WORDS)})\b", re.IGNORECASE)
_CODE = re.compile(r"```.*?```|``.+?``|`[^`]+`|https?://\S+|<[^>]+>", re.DOTALL)
_LINK = re.compile(r"\]\([^)]*\)")
# A sentence also ends at an empty line, after a table cell, and before a list item or a heading.
_END = re.compile(r"[.!?]\W?\s+|:\s*\n|\n\s*(?:[-*#\d|├└│].*?|)\n|\n\s*[-*|├└│]|\|")
_ARGUMENT = re.compile(r"^\s+[*\w, ]+: ", re.MULTILINE)
_COMMENT = re.compile(r"(?:^ *#(?: .*)?\n)+|  # .*", re.MULTILINE)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, content
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, _ARGUMENT.sub("\n\n", text)
    for comment in _COMMENT.finditer(content):
        line = content.count("\n", 0, comment.start()) + 1
        yield line, re.sub(r"^ *# ?", "", comment[0], flags=re.MULTILINE)


def findings(text: str) -> Iterator[tuple[int, str]]:
    """For each fault in a text, yield the index of its line and a description."""
    text = _CODE.sub(lambda code: "x" + "\n" * code[0].count("\n"), _LINK.sub("]", text))
    for word in _WORDS.finditer(text):
        use = list(BETTER_WORDS.values())[(word.lastindex or 1) - 1]
        yield text.count("\n", 0, word.start()), f"'{word[0]}': write {use}"
    start = 0
    for end in [*_END.finditer(text), None]:
        sentence = text[start : end.start() if end else len(text)]
        words = len(re.findall(r"\w[\w'\u2019.-]*", sentence))
        if words > LONGEST_SENTENCE:
            line = text.count("\n", 0, start)
            yield line, f"a sentence of {words} words: {' '.join(sentence.split())[:60]} …"
        start = end.end() if end else start


def main() -> int:
    git = ["git", "-C", str(REPOSITORY)]
    listed = subprocess.check_output([*git, "ls-files", "*.py", "*.md"], text=True).split()
    found = [
        f"{name}:{first + line}: {fault}"
        for name in listed
        if not name.startswith("tests/")
        for first, text in texts(REPOSITORY / name)
        for line, fault in findings(text)
    ]
    subjects = subprocess.check_output([*git, "log", f"-{COMMITS}", "--format=%s"], text=True)
    found += [
        f"commit subject of {len(subject)} characters: {subject}"
        for subject in subjects.splitlines()
        if len(subject) > LONGEST_SUBJECT
    ]
    print(*found, f"Style: {len(found)} findings", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
