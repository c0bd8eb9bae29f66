"""Lapsed reviews: images that wait for a person and that no row asks for any more, as it is back at what is live.

Inputs: the current release, the outcomes, and the requests that a row asks for. Outputs: (slot id, request key) of what
lapses. Without this, a person could still accept such an image, and `packshot review apply`, which reads no catalogue,
would publish what the row does not ask for.

A review that lapses ends. What the gates blocked, and a person may overrule, keeps its memory, so that no attempt is
paid for twice, and loses its source (`NOT_ASKED_FOR`). What was withdrawn binds. An image of the live request, in
whichever finish, and one of a request that the row has under another model version (a backfill's) is asked for still.
A row that goes back and forth is asked about anew, and an answer that was given before counts then.

Which live rows may be concerned is found once, for all of them; only those are then looked at one by one. So of
2,000,000 unchanged slots without such a review none costs more than a look into an array of bits.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.slot_states import NOT_ASKED_FOR, REFUSED_BY_GATES


class LapsedReviews:
    """The lapsed reviews of one plan."""

    def __init__(self, live: CurrentRelease, outcomes: OutcomeIndex) -> None:
        self._live = live
        self._outcomes = outcomes
        self._candidates = outcomes.differing_requests(live)
        self.ended: list[tuple[bytes, bytes]] = []
        """Slot id and request key of each."""

    def select(self, positions: npt.NDArray[np.int64], unchanged: npt.NDArray[np.bool_]) -> list[int]:
        """Return which of these unchanged slots wait with another request than the one that they show.

        `positions` are those of the slots' live rows, -1 where there is none.
        """
        if not self._candidates.any():
            return []
        shown = np.flatnonzero(unchanged)  # an unchanged slot is live
        found: list[int] = shown[self._candidates[positions[shown]]].tolist()
        return found

    def end(self, slot_id: bytes, live_position: int, asked: Collection[bytes]) -> None:
        """End what an unchanged slot waits with, but for its live request and for what its row asks for."""
        refused = (each for each in self._outcomes.slot_outcomes(slot_id) if each.state in REFUSED_BY_GATES)
        keys = {each.request_key for each in refused if each.source_digest != NOT_ASKED_FOR}
        lapsed = (key for key in keys.difference(asked) if not self._live.has_request_key(live_position, key))
        self.ended += [(slot_id, key) for key in sorted(lapsed)]
