"""`python -m tools.release`: exit 0 if zip and index are written, 1 with the reason if not."""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path, PurePosixPath

from tools.release.build import (
    ARCHIVE,
    INDEX,
    Release,
    build,
    commit_moment,
    packed_sizes,
    require_committed,
)
from tools.release.contents import REPOSITORY, VENDOR
from tools.release.pins import ReleaseError

WHEELS = REPOSITORY / "build" / "wheels"


def main() -> int:
    """Build the release; return the exit status."""
    options = _arguments()
    try:
        if not options.uncommitted:
            require_committed(REPOSITORY)
        release = build(REPOSITORY, options.wheels, commit_moment(REPOSITORY))
    except ReleaseError as error:
        print(f"No release: {error}", file=sys.stderr)
        return 1
    release.write(options.into)
    print("\n".join(weights(release)))
    print(f"Written: {options.into / ARCHIVE}, {options.into / INDEX}")
    return 0


def weights(release: Release) -> list[str]:
    """Return a table of what weighs, heaviest first: per part files, kB as they are and packed."""
    packed = packed_sizes(release.archive)
    parts: dict[str, list[int]] = {}
    for name, content in release.files.items():
        row = parts.setdefault(_part(name), [0, 0, 0])
        for column, amount in enumerate((1, len(content), packed[name])):
            row[column] += amount
    lines = [f"{'part':40} {'files':>6} {'kB':>8} {'packed':>8}"]
    for part, (files, size, small) in sorted(parts.items(), key=lambda item: -item[1][2]):
        lines.append(f"{part:40} {files:6} {size / 1000:8.1f} {small / 1000:8.1f}")
    total = sum(len(content) for content in release.files.values())
    lines.append(
        f"{'all of version ' + release.version:40} {len(release.files):6} {total / 1000:8.1f} "
        f"{len(release.archive) / 1000:8.1f}"
    )
    # The only thing outside the commit that the bytes depend on.
    lines.append(f"Packed by zlib {zlib.ZLIB_RUNTIME_VERSION}")
    return lines


def _part(name: str) -> str:
    parts = PurePosixPath(name).parts
    if parts[0] == VENDOR and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--into", type=Path, default=REPOSITORY / "dist", help="folder to write to")
    parser.add_argument("--wheels", type=Path, default=WHEELS, help="folder of pinned wheels")
    parser.add_argument(
        "--uncommitted", action="store_true", help="take the work tree as it is, for a trial"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
