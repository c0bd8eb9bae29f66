"""Other attempts: the live slots of whose image a person wants another attempt, with the same prompt.

Inputs: the current release, people's answers. Outputs: which live rows are concerned, as a mask. Pure. Such a slot is
unchanged by its source, so the planner would pass it over. It keeps its live image until another attempt passes, as a
slot with an edited prompt does; an outcome of the live request then speaks of another image than the live one.

Only rows whose request was answered so are looked at: a night without such answers pays for an array of bits.
"""

import numpy as np
import numpy.typing as npt

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.keys import image_key
from catalogs.planning.current_state import CurrentRelease, Outcome
from catalogs.planning.plan import Request


class OtherAttempts:
    """The live slots of one plan that are to show another attempt."""

    def __init__(self, live: CurrentRelease, answers: AnswerIndex) -> None:
        self._live = live
        self._wishes: dict[int, StandingAnswer] = {}
        for request_key in answers.retried_requests if len(live) else ():
            for position in live.positions_of_request(request_key):
                if (wish := self._find_wish(position, request_key, answers)) is not None:
                    self._wishes[position] = wish
        self._is_wished = np.zeros(len(live), bool)
        self._is_wished[list(self._wishes)] = True

    def select(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell, slot by slot, whether another attempt is wanted; `positions` are those of the live rows, or -1."""
        if not self._wishes:
            return np.zeros(len(positions), bool)
        return (positions >= 0) & self._is_wished[positions]

    def find(self, position: int) -> StandingAnswer | None:
        """Return the answer that wants another attempt in the place of a live row's image; None where there is none."""
        return self._wishes.get(position)

    def keeps(self, position: int, request: Request) -> bool:
        """Tell whether a slot keeps its live image: it is of this request and finish, and nobody wants another one."""
        return self._is_of(position, request.key, request.finish_digest) and position not in self._wishes

    def shows(self, position: int, outcome: Outcome) -> bool:
        """Tell whether a slot's live row shows what an outcome speaks of: the same request in the same finish.

        Where another attempt is wanted, the outcome of that one speaks of another image.
        """
        if not self._is_of(position, outcome.request_key, outcome.finish_digest):
            return False
        is_same = outcome.image_key in (None, self._image_of(position, outcome.request_key))
        return is_same or position not in self._wishes

    def _is_of(self, position: int, request_key: bytes, finish_digest: str) -> bool:
        is_live = position >= 0 and self._live.has_request_key(position, request_key)
        return is_live and self._live.finish_digest(position) == finish_digest

    def _find_wish(self, position: int, request_key: bytes, answers: AnswerIndex) -> StandingAnswer | None:
        finish, shown = self._live.finish_digest(position), self._image_of(position, request_key)
        for standing in answers.of_request(request_key).of_finish(shown, finish):
            image = standing.answer.image
            is_wish = standing.verdict == AnswerKind.RETRY and not standing.answer.prompt
            if is_wish and image is not None and self._live.has_pixels(image.pixel_sha):
                return standing
        return None

    def _image_of(self, position: int, request_key: bytes) -> bytes:
        return bytes.fromhex(image_key(request_key.hex(), int(self._live.attempt[position])))
