"""Python's garbage collector, for processes that read much and leave no cycles behind."""

import gc

# Pages of scenes, of items and of XML are freed by their reference counts. The collector, asked
# after each 700 new objects, finds nothing among them and costs a sixth of a reconciliation.
OBJECTS_BETWEEN_LOOKS = 50_000


def spare_the_collector() -> None:
    """Let the collector look rarely; what it had to look through so far is left out for good."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
