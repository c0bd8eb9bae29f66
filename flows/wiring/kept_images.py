"""Kept images of a run: what composes them, and the catalogue's words, keys and rules by which it does.

Inputs: a policy, a store, settings. Outputs: `KeptTerms`, whose functions another process imports by their names, and
the pool of processes that compose.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from catalogs import layout
from catalogs.photos.fitness import choose_photo
from catalogs.photos.kept_request import kept_result_text, parse_kept_request, parse_kept_result, with_findings
from catalogs.photos.photo_rules import PhotoRules, built_in_photo_rules
from catalogs.policy.schema import Policy
from flows.wiring.cutter_versions import cutter_opener
from infra.composing.kept_terms import ChosenPhoto, KeptTerms
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import Engine, ObjectStore, Pool
from infra.pools.inline import InlinePool
from infra.pools.process_pool import ProcessPool
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.cutout.cutters import Cutter


def kept_terms(policy: Policy) -> KeptTerms:
    """Return the terms of a run under this policy, whose rules choose among a row's photos."""
    return KeptTerms(
        parse_order=parse_kept_request,
        parse_record=parse_kept_result,
        record_text=kept_result_text,
        with_findings=with_findings,
        choose=partial(choose_by_rules, policy.photos or built_in_photo_rules()),
        photo_prefix=layout.source_photo_prefix,
        mask_key=layout.cutout_mask,
        scores_key=layout.cutout_scores,
        stage_key=layout.stage_image,
    )


def choose_by_rules(rules: PhotoRules, photos: Sequence[Mapping[str, float]]) -> ChosenPhoto:
    """Return which photo is taken, by the scores of all."""
    choice = choose_photo(photos, rules)
    return ChosenPhoto(choice.position, choice.reason, [judged.verdict.reasons for judged in choice.judgements])


def composing_pool(store: ObjectStore, settings: Settings, terms: KeptTerms, trust: StoredWorkTrust) -> Pool:
    """Return the pool that composes images with kept products: local processes, also where engines run on Ray.

    A store in memory is visible to this process only, so its images are composed here.
    """
    opener = partial(open_composer, store, terms, trust, cutter_opener(settings))
    if store.url.startswith("memory://"):
        return InlinePool(opener)
    return ProcessPool(opener, settings.screeners or len(os.sched_getaffinity(0)))


def open_composer(
    store: ObjectStore, terms: KeptTerms, trust: StoredWorkTrust, open_cutter: Callable[[str], "Cutter"]
) -> Engine:
    """Open the engine-like composer, in whatever process composes."""
    from infra.composing.composer import Composer  # it loads OpenCV, which a planner does not need

    return Composer(store, terms, open_cutter, trust)
