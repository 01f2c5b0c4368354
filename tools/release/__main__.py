"""`python -m tools.release`: exit 0 if zip and index are written, otherwise 1 with the reason."""

import argparse
import sys
import zlib
from pathlib import Path

from tools.release.build import ARCHIVE, INDEX, build, commit_moment, require_committed
from tools.release.contents import REPOSITORY
from tools.release.wheels import ReleaseError

WHEELS = REPOSITORY / "build" / "wheels"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    add = parser.add_argument
    add("--into", type=Path, default=REPOSITORY / "dist", help="folder to write to")
    add("--wheels", type=Path, default=WHEELS, help="folder of pinned wheels")
    add("--uncommitted", action="store_true", help="take the work tree as it is, for a trial")
    options = parser.parse_args()
    try:
        if not options.uncommitted:
            require_committed(REPOSITORY)
        release = build(REPOSITORY, options.wheels, commit_moment(REPOSITORY))
    except ReleaseError as error:
        print(f"No release: {error}", file=sys.stderr)
        return 1
    release.write(options.into)
    print(
        f"Version {release.version}: {len(release.files)} files, "
        f"{len(release.archive) / 1000:.0f} kB packed by zlib {zlib.ZLIB_RUNTIME_VERSION}"
    )
    print(f"Written: {options.into / ARCHIVE}, {options.into / INDEX}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
