"""The model libraries' process-wide state: one load at a time in a process, and no image computed meanwhile.

Inputs: a block that loads a model, or one that computes with a model. Outputs: the block runs when it may.
While torch, transformers and diffusers load a model they set the default dtype and the initialisers of the whole
process. Two models that were loaded at once got each other's dtype (10 of 11 times on two cores), and a tensor that
another engine makes meanwhile may get it too. So loads take turns, and wait for the batches that are being computed;
batches of several engines run side by side.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class LibraryState:
    """Grants either one load, or any number of computations. A load that waits goes before new computations."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._loads_waiting = 0
        self._is_loading = False
        self._computations = 0

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Run the block as the only one. It must neither load nor compute inside another such block."""
        with self._changed:
            self._loads_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._is_loading and not self._computations)
                self._is_loading = True
            finally:
                self._loads_waiting -= 1
        try:
            yield
        finally:
            with self._changed:
                self._is_loading = False
                self._changed.notify_all()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Run the block while no model is loaded."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_loading and not self._loads_waiting)
            self._computations += 1
        try:
            yield
        finally:
            with self._changed:
                self._computations -= 1
                self._changed.notify_all()


library_state = LibraryState()
"""The one of this process."""
