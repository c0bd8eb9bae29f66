"""Documents of a store may be damaged, or planted: their content is checked where it is used, by one kind of error.

Inputs: a document's key, what it should be, and a block that reads it. Outputs: nothing, or `DocumentUnreadable` with
the key and what to do. Invariant: content of a wrong shape never ends a command with an error of Python's own, and is
never taken for an empty document: an answer that cannot be read could be the one that says no.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.errors import DocumentUnreadable

_SHAPE_ERRORS = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


@contextmanager
def reading(key: str, kind: str) -> Iterator[None]:
    """Raise `DocumentUnreadable` where the block finds that the object under `key` is no `kind`, as "a plan"."""
    try:
        yield
    except _SHAPE_ERRORS as error:
        raise DocumentUnreadable(
            f"{key} cannot be read as {kind} ({type(error).__name__}): it is damaged, of another version of Packshot,"
            " or somebody else wrote it; see who may write there, and move it away once you know"
        ) from error
