"""What an error turns out to be once the server that it came from was asked something simple."""

from stash.exceptions import StashError, StashFileError, StashQueryError, StashUnavailable
from stash.scenes import StashScenes


def diagnosed(error: Exception, scenes: StashScenes) -> Exception:
    """Return the error, or Stash's absence where Stash could not answer anything just now.

    While Stash migrates, or its database is closed, it is there and answers all questions with
    errors: as faults of the scenes these would spend their retries within minutes. So an error that
    may be either is followed by the smallest question that needs Stash's database, how many scenes
    there are: only where that is answered, the scene is at fault.

    Args:
        error: of a scene, or of a whole batch.
        scenes: of the Stash in question; asked after a `StashQueryError` or `StashFileError` only.
    """
    if not isinstance(error, StashQueryError | StashFileError):
        return error
    try:
        scenes.count()
    except StashQueryError as general:
        return StashUnavailable(str(general))
    except StashError as general:
        return general
    return error
