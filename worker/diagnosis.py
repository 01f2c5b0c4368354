"""What an error of Stash turns out to be once Stash was asked the same about no scene at all."""

from stash.exceptions import StashError, StashFileError, StashQueryError, StashUnavailable
from stash.images import StashImages, UnusableCoverError
from stash.scenes import StashScenes

_NO_SCENE = 0  # Stash counts its scenes from 1


def diagnosed(error: Exception, scenes: StashScenes, images: StashImages) -> Exception:
    """Return the error, or Stash's own fault where no scene can be at fault.

    A Stash whose database is closed, or that no longer knows a field of the query, answers every
    question with errors. As faults of the scenes these would spend all retries within minutes. So
    the same is asked again about a scene that does not exist: only where Stash answers that, the
    scene in question is at fault.

    Args:
        error: of a scene, or of a whole batch.
        scenes: of the Stash in question.
        images: likewise.
    """
    if not isinstance(error, StashQueryError | StashFileError):
        return error
    try:
        scenes.read([_NO_SCENE])
        if isinstance(error, StashFileError):
            images.cover(_NO_SCENE)
    except StashQueryError as general:
        return StashUnavailable(str(general))
    except StashFileError as general:
        general.concerns_all = True
        return general
    except StashError as general:
        return general
    except UnusableCoverError:
        pass
    return error
