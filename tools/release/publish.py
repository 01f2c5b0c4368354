"""`python -m tools.release.publish`: write release notes, or the web pages of a plugin source.

A plugin source is a web address from which Stash installs and updates plugins.
"""

import argparse
import html
import re
import shutil
import sys
from pathlib import Path

from tools.release.build import read_manifest
from tools.release.contents import ENTRY, REPOSITORY
from tools.release.wheels import ReleaseError

_PLACEHOLDER = "https://OWNER.github.io/REPOSITORY/index.yml"


def notes(repository: Path, tag: str, source: str, address: str) -> str:
    """Return the release notes. Raise ReleaseError if the changelog lacks the version.

    `source` is the address from which Stash installs the plugin. `address` is the web address of
    the git repository.
    """
    manifest = repository / ENTRY[1]
    version = read_manifest(manifest).version
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, but {ENTRY[1]} says version {version}")
    if f"url: {address}" not in manifest.read_text(encoding="utf-8").splitlines():
        raise ReleaseError(f"{ENTRY[1]} needs the line `url: {address}`")
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(version)}(?: \(\d{{4}}-\d\d-\d\d\))?\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    if section is None:
        raise ReleaseError(f"CHANGELOG.md needs a heading '## {version} (2026-12-31)'")
    install = f"Plugin source for Settings → Plugins → Available Plugins: `{source}`"
    return absolute(f"{install}\n\n{section[1].strip()}\n", tag, address)


def absolute(text: str, tag: str, address: str) -> str:
    return re.sub(r"\]\((?!https?:|#)", f"]({address}/blob/{tag}/", text)


def pages(releases: Path, newest: str, into: Path, readme: Path, source: str, address: str) -> None:
    if not (releases / newest).is_dir():
        raise ReleaseError(f"{releases} has no folder {newest}")
    shutil.copytree(releases / newest, into)
    for folder in releases.iterdir():
        shutil.copytree(folder, into / folder.name)
    text = readme.read_text(encoding="utf-8").replace(_PLACEHOLDER, source)
    text = html.escape(absolute(text, newest, address), quote=False)
    page = f'<!doctype html><meta charset="utf-8"><title>Stash2Plex</title><pre>{text}</pre>\n'
    (into / "index.html").write_text(page, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["notes", "pages"])
    parser.add_argument("--tag", required=True, help="the tag of the release, such as v1.0.0")
    parser.add_argument("--source", required=True, help="the address of the plugin source")
    parser.add_argument("--repository", required=True, help="the address of the repository")
    parser.add_argument("--releases", type=Path, help="a folder per tag, for pages")
    parser.add_argument("--into", type=Path, required=True, help="the file or folder to write")
    options = parser.parse_args()
    try:
        if options.command == "notes":
            text = notes(REPOSITORY, options.tag, options.source, options.repository)
            options.into.parent.mkdir(parents=True, exist_ok=True)
            options.into.write_text(text, encoding="utf-8")
        else:
            readme = REPOSITORY / "README.md"
            pages(
                options.releases, options.tag, options.into, readme, options.source,
                options.repository,
            )  # fmt: skip
    except ReleaseError as error:
        print(f"Not published: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
