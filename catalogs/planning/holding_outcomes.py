"""Holding outcomes: whether what was refused before still holds a slot back tonight.

Inputs: an outcome of a slot, what is live, the policy in force, the clock. Outputs: yes or no. The planner asks
it of the outcomes whose source or request is the slot's own.
"""

from dataclasses import dataclass

from catalogs.planning.current_state import CurrentRelease, Outcome
from catalogs.planning.retry_rules import RetryClock
from catalogs.slot_states import REFUSED_BY_GATES, SlotState


@dataclass(frozen=True)
class HoldingRules:
    """The rules of one plan."""

    live: CurrentRelease
    policy_digest: str
    clock: RetryClock

    def still_holds(self, outcome: Outcome, attempts: int) -> bool:
        """Tell whether an outcome holds under this policy and a budget of `attempts`, and is not due for a retry.

        A withdrawal always does: a person took the image away.
        """
        if outcome.state == SlotState.WITHDRAWN:
            return True
        if outcome.state in REFUSED_BY_GATES:
            holds = outcome.policy_digest == self.policy_digest
        else:
            holds = outcome.state == SlotState.FAILED and outcome.attempts >= attempts
        return holds and not self._is_due(outcome)

    def _is_due(self, outcome: Outcome) -> bool:
        """Tell whether an outcome is tried again, since it says nothing of the image or hung on a picture now gone."""
        if outcome.collides_with is not None and not self.live.has_pixels(outcome.collides_with):
            return True
        return self.clock.is_due(outcome.state, outcome.reasons, outcome.tries, outcome.retry_at)


def is_prompt_outcome(outcome: Outcome) -> bool:
    """Tell whether the prompt gates refused the request, so that no image was generated."""
    return outcome.state in REFUSED_BY_GATES and outcome.image_key is None
