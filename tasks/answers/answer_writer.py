"""Answer writer: writes the answers of one process, each later than all that it has read, and folds now and then.

Inputs: a store, a catalogue, answers. Outputs: the answers under their tokens. Safe to use from several threads: of two
answers that one process writes, the one that was begun later has the later token. Folding happens beside: nobody waits
for it with an answer that is written. A process that ends waits for its last fold; killed, the next one finishes it.
"""

import logging
from collections.abc import Iterable
from threading import Lock, Thread

from catalogs.answers.answer import Answer
from infra.errors import ExternalError
from infra.interfaces import ObjectStore
from tasks.answers.answer_folding import FOLD_ABOVE, fold_answers
from tasks.answers.answer_log import next_token, put_answer

logger = logging.getLogger(__name__)


class AnswerWriter:
    """The writer of one process for one catalogue."""

    def __init__(self, store: ObjectStore, catalogue: str) -> None:
        self._store, self._catalogue = store, catalogue
        self._lock = Lock()
        self._newest = ""
        self._unfolded = 0
        self._fold: Thread | None = None

    def has_read(self, answers: Iterable[Answer]) -> None:
        """Remember what this process has read: what it writes from now on is later."""
        newest = max((answer.token for answer in answers), default="")
        with self._lock:
            self._newest = max(self._newest, newest)

    def write(self, answer: Answer, *, after: str = "") -> Answer:
        """Write an answer, and return it under its token: later than `after`, too.

        Every `FOLD_ABOVE`th call begins to fold what has gathered.
        """
        with self._lock:
            self._newest = next_token(self._store, max(self._newest, answer.undoes, after))
            answer = answer.named(self._newest)
        put_answer(self._store, self._catalogue, answer)
        with self._lock:
            self._unfolded += 1
            folds = self._unfolded >= FOLD_ABOVE
        if folds:
            self.fold_beside()
        return answer

    def fold_beside(self) -> None:
        """Begin to fold what has gathered, unless that is going on."""
        with self._lock:
            if self._fold is None or not self._fold.is_alive():
                self._unfolded = 0
                self._fold = Thread(target=self._try_to_fold, name="answer-fold")
                self._fold.start()

    def wait_for_fold(self) -> None:
        """Wait until the fold that was begun last, if any, has ended."""
        fold = self._fold
        if fold is not None:
            fold.join()

    def _try_to_fold(self) -> None:
        try:
            fold_answers(self._store, self._catalogue, above=0)
        except ExternalError as error:  # the answers are written: the next fold takes them too
            logger.warning("The answers of %r are not folded yet: %s", self._catalogue, error)
