"""Look before live: the check that holds a batch until a person has looked at its images.

Inputs: a decided batch, the recipe with its `release` rule, the policy, and people's answers. Outputs: the failed
check `look-before-live`, or None where the batch may go without a look. An image that a person has accepted is not
shown again: a batch of which every image was accepted goes by itself, and one without images has nothing to look at.
"""

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.policy.schema import Policy
from catalogs.recipe.release_rule import NO_FACTS
from catalogs.recipe.schema import Recipe
from catalogs.slot_states import SlotState
from infra.data_quality import ExpectationResult
from infra.interfaces import ObjectStore, TableStore
from tasks.answers.answer_log import read_standing_answers
from tasks.runs.release_facts import compute_rules, read_release_facts

LOOK_BEFORE_LIVE = "look-before-live"
"""The check's name: `packshot release RUN --accept look-before-live` lets its batch go."""


def find_look_reason(tables: TableStore, catalogue: str, recipe: Recipe, policy: Policy) -> str | None:
    """Return why a batch of the catalogue waits for a person's look; None where it need not."""
    rule = recipe.release
    if rule is None:
        return None
    facts = NO_FACTS if rule.always else read_release_facts(tables, catalogue)
    return rule.find_reason(facts, compute_rules(recipe, policy))


def check_look(
    store: ObjectStore, tables: TableStore, catalogue: str, decisions: pa.Table, rules: tuple[Recipe, Policy]
) -> ExpectationResult | None:
    """Return the failed check where the batch holds images that nobody has accepted, and its recipe asks for a look."""
    published = decisions.filter(pc.equal(decisions["state"], SlotState.PUBLISH))
    reason = find_look_reason(tables, catalogue, *rules) if published.num_rows else None
    if reason is None:
        return None
    requests = published["request_key"].unique()
    unseen = count_unseen(published, read_standing_answers(store, catalogue, request_keys=requests))
    if not unseen:
        return None
    images = f"{unseen:,} {'image' if unseen == 1 else 'images'} of {published.num_rows:,} not accepted yet: {reason}"
    return ExpectationResult(LOOK_BEFORE_LIVE, False, True, unseen, images)


def count_unseen(published: pa.Table, standing: StandingAnswers) -> int:
    """Return how many of these slots show an image that nobody has accepted, or about which people differ."""
    if not len(standing):
        return int(published.num_rows)
    columns = (published[name].to_pylist() for name in ("image_key", "finish_digest", "finished_sha"))
    answers = (standing.of_image(*image) for image in zip(*columns, strict=True))
    return sum(1 for answer in answers if answer is None or answer.verdict != AnswerKind.ACCEPT)
