"""A2: an image that rows of two categories share is judged for each by its own thresholds, in any order of the rows.

Whole runs with the stub engine; the policy blocks files above 100 bytes, but for the category `lax`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from catalogs.policy.schema import load_policy
from flows.policy_changes import PolicyProposal, enforce_policy, try_policy
from infra.tables import open_tables
from tasks.amendments.apply_policy import WITHDRAWN_SHARE_CHECK
from tests.fixtures.refresh_harness import RefreshHarness, Row

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

RECIPE: dict[str, Any] = {
    "columns": {"sku": "sku", "title": "title", "category": "category"},
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}},
    "tiers": {"standard": {"width": 256, "height": 256}},
    "views": {"front": "seen from the front"},
    "defaults": {"template": "Photograph of {{ title }}, {{ phrase }}", "views": ["front"]},
}


def limited(above: int) -> dict[str, Any]:
    """Return a policy that blocks files above so many bytes, but for the category `lax`."""
    rule = {
        "score": "file.bytes",
        "reason": "too-heavy",
        "block_above": above,
        "categories": {"lax": {"block_above": None}},
    }
    return {"extends": "default", "version": 2 if above > 100 else 3, "image": [rule]}


def rows(*categories: str) -> list[Row]:
    return [{"sku": category, "title": "Mug", "category": category} for category in categories]


@pytest.mark.parametrize("order", [("lax", "strict"), ("strict", "lax")])
def test_an_image_is_published_for_one_category_and_blocked_for_the_other(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    shop = RefreshHarness(tmp_path, rows(*order), RECIPE, limited(100))
    night = shop.refresh()
    assert night.slot_counts() == {"new": 2, "published": 1, "blocked": 1}
    assert {sku for sku, _, _ in night.after} == {"lax"}
    assert night.report["reasons"] == {"too-heavy": 1}
    again = shop.refresh()
    assert again.slot_counts() == {"waiting": 1}


@pytest.mark.parametrize("order", [("lax", "strict"), ("strict", "lax")])
def test_an_applied_policy_withdraws_the_image_from_one_category_alone(tmp_path: Path, order: tuple[str, str]) -> None:
    shop = RefreshHarness(tmp_path, rows(*order), RECIPE, limited(10**9))
    assert {sku for sku, _, _ in shop.refresh().after} == {"lax", "strict"}
    policy = load_policy(json.dumps(limited(100)), "policy.yaml")
    tables = open_tables(shop.url)
    tried = try_policy(shop.store, tables, shop.catalogue, policy)
    assert [(flip["now"], flip["then"], flip["skus"]) for flip in tried["flips"]] == [("PASS", "BLOCK", ["strict"])]
    proposal = PolicyProposal(policy, "policy.yaml", "ada", "files are too heavy", (WITHDRAWN_SHARE_CHECK,))
    document = enforce_policy(shop.store, tables, shop.catalogue, proposal, shop.settings)
    assert document["withdrawn"] == {"pictures": 1}
    assert {sku for sku, _, _ in shop.manifest()} == {"lax"}
