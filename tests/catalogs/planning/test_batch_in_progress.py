"""A row whose prompt cannot be made is rejected once, by its number and its SKU, in words that fit a line."""

from catalogs.ingest.rows import BatchRows
from catalogs.planning.batch_in_progress import MAX_REJECT_CHARACTERS, BatchInProgress
from catalogs.recipe.templates import PromptRenderError
from tests.fixtures.planning_harness import LAMP, MUG
from tests.fixtures.sample_recipe import RECIPE, ingest_accepted


def test_a_row_is_rejected_once_however_many_of_its_slots_fail() -> None:
    batch = BatchInProgress(BatchRows(ingest_accepted([MUG, LAMP], RECIPE)))
    for words in ("it is empty", "it is empty again"):
        batch.reject(1, PromptRenderError(words))
    (reject,) = batch.planned.rejects
    assert (reject.sku, reject.column, reject.reason) == ("L1", "prompt", "the prompt cannot be made: it is empty")
    assert batch.failed_positions == {1}
    assert not batch.presence.live.any()


def test_a_long_reason_is_cut() -> None:
    batch = BatchInProgress(BatchRows(ingest_accepted([MUG], RECIPE)))
    batch.reject(0, PromptRenderError("x" * 1000))
    assert len(batch.planned.rejects[0].reason) == MAX_REJECT_CHARACTERS
