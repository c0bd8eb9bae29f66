"""What composes kept images: processes beside a store that they can see, and the rules of the policy in force."""

import pickle
from pathlib import Path

from catalogs import layout
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.policy.schema import built_in_policy
from flows.wiring.kept_images import choose_by_rules, composing_pool, kept_terms
from infra.integrity.stored_work_trust import UNCHECKED
from infra.pools.inline import InlinePool
from infra.pools.process_pool import ProcessPool
from infra.settings import Settings
from infra.stores import open_store
from tests.catalogs.photos.photo_score_samples import GOOD


def test_a_store_in_memory_is_composed_for_here_and_any_other_in_processes_whatever_the_pool(tmp_path: Path) -> None:
    terms = kept_terms(built_in_policy())
    assert isinstance(composing_pool(open_store("memory://kept-pool"), Settings(), terms, UNCHECKED), InlinePool)
    for settings in (Settings(screeners=2), Settings(pool="ray")):
        pool = composing_pool(open_store(f"file://{tmp_path}"), settings, terms, UNCHECKED)
        assert isinstance(pool, ProcessPool)
        pool.close()


def test_the_terms_travel_and_choose_by_the_policys_own_rules() -> None:
    blurred, good = {**GOOD, "photo.blur": 5.0}, GOOD
    lenient = built_in_photo_rules().model_copy(update={"photo": (), "version": 2})
    ours = kept_terms(built_in_policy())
    theirs = kept_terms(built_in_policy().model_copy(update={"photos": lenient}))
    chosen = [pickle.loads(pickle.dumps(terms)).choose([blurred, good]) for terms in (ours, theirs)]  # noqa: S301
    assert [(choice.position, choice.reason) for choice in chosen] == [
        (1, "first-that-passes"), (0, "first-that-passes"),
    ]  # fmt: skip
    assert list(chosen[0].refusals) == [("photo.blurred",), ()]
    assert choose_by_rules(lenient, [blurred]).reason == "only-photo"
    assert ours.mask_key("ab", "cd") == layout.cutout_mask("ab", "cd")
