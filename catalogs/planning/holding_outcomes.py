"""Holding outcomes: whether what was refused before still holds a slot back tonight.

Inputs: an outcome of a slot, what is live, the policy in force, the clock, people's answers. Outputs: yes or no. The
planner asks it of the outcomes whose source or request is the slot's own.

An outcome keeps the token of the answer that it was decided with. Where another answer stands by now, about its image
or about another image of its request that was accepted later, it is decided again; where the same refusal or conflict
stands, it holds whatever else has moved. Of an acceptance, a withdrawal and a readmission the newest counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_verdicts import is_final, token_at, was_given_after
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers, deciding_answer
from catalogs.planning.current_state import CurrentRelease, Outcome
from catalogs.planning.plan import Request
from catalogs.planning.retry_rules import RetryClock
from catalogs.planning.taken_answers import TakenAnswers
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
    answers: AnswerIndex = field(default_factory=AnswerIndex)
    taken: TakenAnswers = field(default_factory=TakenAnswers)

    def still_holds(self, outcome: Outcome, attempts: int, sku: str = "") -> bool:
        """Tell whether an outcome holds under this policy and a budget of `attempts`, and is not due for a retry.

        A withdrawal does unless a later answer accepts the image: a person took it away.
        """
        standing = self.find_answer(outcome, sku)
        if outcome.state == SlotState.WITHDRAWN:
            return standing is None or not accepts_after(standing, outcome.decided_at)
        if (standing.token if standing is not None else None) != outcome.answer:
            return False
        if standing is not None and is_final(standing):
            return True
        if outcome.state in REFUSED_BY_GATES:
            holds = outcome.policy_digest == self.policy_digest and not self._is_older_than_brands(outcome)
        else:
            holds = outcome.state == SlotState.FAILED and outcome.attempts >= attempts
        return holds and not self._is_due(outcome)

    def find_answer(self, outcome: Outcome, sku: str = "") -> StandingAnswer | None:
        """Return the answer that decides an outcome, in the slots of a SKU."""
        answers = self.answers.of_request(outcome.request_key)
        if not len(answers):
            return None
        if outcome.image_key is None:
            standing = answers.of_prompt(outcome.request_key) if is_prompt_outcome(outcome) else None
        else:
            own = _find_own_answer(answers, outcome, outcome.image_key)
            decided_by = outcome.run_id or token_at(outcome.decided_at)
            selected = (outcome.image_key, outcome.finish_digest)
            standing = deciding_answer(own, answers.of_request(outcome.request_key), selected, decided_by)
        return None if standing is None or answers.is_lifted(standing, sku) else standing

    def take_new_answers(self, outcomes: Sequence[Outcome], sku: str, wish: StandingAnswer | None = None) -> None:
        """Count the answers that stand about a slot's outcomes and that these were not decided with.

        `wish` wants another attempt in the place of the live image: it is new where nothing of one is known.
        """
        if wish is not None and not outcomes:
            self.taken.add(wish)
        for outcome in outcomes:
            standing = self.find_answer(outcome, sku)
            if standing is not None and standing.token != outcome.answer:
                self.taken.add(standing)

    def match_rendered(
        self, requests: Iterable[Request], outcomes: Sequence[Outcome], attempts: int, sku: str = ""
    ) -> OutcomeMatch | None:
        """Return the first outcome of these requests that holds, else the first of a gate's refusal, or None.

        `requests` is one request under each of its keys. An outcome of the prompt gates does not hold a rendered
        request: what they judge may have changed without changing the prompt.
        """
        matching = [(each, one) for each in requests for one in outcomes if one.request_key == each.key]
        for request, outcome in matching:
            same_finish = outcome.finish_digest == request.finish_digest
            if same_finish and self.still_holds(outcome, attempts, sku) and not is_prompt_outcome(outcome):
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


def _find_own_answer(answers: StandingAnswers, outcome: Outcome, image_key: bytes) -> StandingAnswer | None:
    if outcome.pixel_sha is not None:
        return answers.of_image(image_key, outcome.finish_digest, outcome.pixel_sha)
    # An older version's: once it is decided again, its pixels are known.
    same_finish = answers.of_finish(image_key, outcome.finish_digest)
    return max(same_finish, key=lambda each: each.token, default=None)


def accepts_after(standing: StandingAnswer, when: datetime) -> bool:
    """Tell whether an answer accepts, and was given after a time."""
    return standing.verdict == AnswerKind.ACCEPT and was_given_after(standing.token, when)


def is_prompt_outcome(outcome: Outcome) -> bool:
    """Tell whether the prompt gates refused the request, so that no image was generated."""
    return outcome.state in REFUSED_BY_GATES and outcome.image_key is None
