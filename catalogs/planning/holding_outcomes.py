"""Holding outcomes: whether what was refused before still holds a slot back tonight.

Inputs: an outcome of a slot, what is live, the policy in force, the clock. Outputs: yes or no. The planner asks
it of the outcomes whose source or request is the slot's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalogs.planning.current_state import CurrentRelease, Outcome
from catalogs.planning.plan import Request
from catalogs.planning.retry_rules import RetryClock
from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.slot_states import REFUSED_BY_GATES, SlotState


class OutcomeMatch(NamedTuple):
    """A request that was refused before, with its outcome: it waits on, or is decided again under another policy."""

    request: Request
    outcome: Outcome
    waits: bool


@dataclass(frozen=True)
class HoldingRules:
    """The rules of one plan."""

    live: CurrentRelease
    policy_digest: str
    clock: RetryClock
    shop_brands: ShopBrands | None = None
    """The brands that the shop sells; None where no row is judged by that."""

    def still_holds(self, outcome: Outcome, attempts: int) -> bool:
        """Tell whether an outcome holds under this policy and a budget of `attempts`, and is not due for a retry.

        A withdrawal always does: a person took the image away.
        """
        if outcome.state == SlotState.WITHDRAWN:
            return True
        if outcome.state in REFUSED_BY_GATES:
            holds = outcome.policy_digest == self.policy_digest and not self._is_older_than_brands(outcome)
        else:
            holds = outcome.state == SlotState.FAILED and outcome.attempts >= attempts
        return holds and not self._is_due(outcome)

    def match_rendered(
        self, requests: Iterable[Request], outcomes: Sequence[Outcome], attempts: int
    ) -> OutcomeMatch | None:
        """Return the first outcome of these requests that holds, else the first of a gate's refusal, or None.

        `requests` is one request under each of its keys. An outcome of the prompt gates does not hold a rendered
        request: what they judge may have changed without changing the prompt.
        """
        matching = [(each, one) for each in requests for one in outcomes if one.request_key == each.key]
        for request, outcome in matching:
            same_finish = outcome.finish_digest == request.finish_digest
            if same_finish and self.still_holds(outcome, attempts) and not is_prompt_outcome(outcome):
                return OutcomeMatch(request, outcome, waits=True)
        refused = (OutcomeMatch(*pair, waits=False) for pair in matching if pair[1].state in REFUSED_BY_GATES)
        return next(refused, None)

    def _is_older_than_brands(self, outcome: Outcome) -> bool:
        """Tell whether the prompt gates refused it before it became known which brands the shop sells now."""
        brands = self.shop_brands
        return brands is not None and is_prompt_outcome(outcome) and brands.is_newer_than_run(outcome.run_id)

    def _is_due(self, outcome: Outcome) -> bool:
        """Tell whether an outcome is tried again, since it says nothing of the image or hung on a picture now gone."""
        if outcome.collides_with is not None and not self.live.has_pixels(outcome.collides_with):
            return True
        return self.clock.is_due(outcome.state, outcome.reasons, outcome.tries, outcome.retry_at)


def is_prompt_outcome(outcome: Outcome) -> bool:
    """Tell whether the prompt gates refused the request, so that no image was generated."""
    return outcome.state in REFUSED_BY_GATES and outcome.image_key is None
