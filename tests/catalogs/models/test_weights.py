"""A SKU's version is stable, shares take about what they say, and growing one only adds SKUs."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalogs.models.weights import (
    ALLOWED_SHARES,
    FrozenVersions,
    ModelEntry,
    ModelProvenance,
    WeightsSpec,
    source_refusal,
)
from tests.fixtures.sample_recipe import recipe_with

COMMIT = "a" * 40
SKUS = [f"SKU-{number}" for number in range(10_000)]
VERSIONS = {1: WeightsSpec(family="stub", source="stub/1"), 2: WeightsSpec(family="stub", source="stub/2")}

standings = st.builds(
    FrozenVersions,
    name=st.sampled_from(["card", "z-image-turbo", "x"]),
    versions=st.just(VERSIONS),
    production=st.just(1),
    candidate=st.sampled_from([2, None]),
    share=st.sampled_from(ALLOWED_SHARES),
)


def standing(share: int, name: str = "card", candidate: int | None = 2) -> FrozenVersions:
    return FrozenVersions(name=name, versions=VERSIONS, production=1, candidate=candidate, share=share)


@given(standings, st.text(max_size=40))
def test_a_skus_version_is_the_same_whenever_and_wherever_it_is_asked_for(found: FrozenVersions, sku: str) -> None:
    frozen = FrozenVersions.model_validate_json(found.model_dump_json())
    assert frozen == found
    assert frozen.assigned_version(sku) == found.assigned_version(sku) in VERSIONS
    assert 0 <= found.sku_percentile(sku, 2) < 100


def test_a_place_does_not_move_between_releases_of_packshot() -> None:
    assert [round(standing(20).sku_percentile(sku, 2), 6) for sku in SKUS[:3]] == [6.430079, 41.214154, 19.710308]


@given(st.sampled_from(ALLOWED_SHARES), st.sampled_from(["card", "z-image-turbo", "m-2"]))
def test_a_share_of_10_000_skus_is_about_what_it_says(share: int, name: str) -> None:
    chosen = sum(standing(share, name).assigned_version(sku) == 2 for sku in SKUS)
    expected, spread = len(SKUS) * share / 100, sqrt(len(SKUS) * share / 100 * (1 - share / 100))
    assert abs(chosen - expected) <= 5 * spread


@given(st.sampled_from(ALLOWED_SHARES), st.sampled_from(ALLOWED_SHARES), st.lists(st.text(max_size=20), max_size=50))
def test_a_share_that_grows_only_adds_skus(one: int, other: int, skus: list[str]) -> None:
    small, large = sorted((one, other))
    few, many = ({sku for sku in skus if standing(share).assigned_version(sku) == 2} for share in (small, large))
    assert few <= many
    backfills = [{sku for sku in skus if standing(20).is_in_backfill(sku, share)} for share in (small, large)]
    assert backfills[0] <= backfills[1]


def test_all_skus_get_a_candidate_with_all_of_them_and_none_gets_one_with_no_share() -> None:
    assert {standing(100).assigned_version(sku) for sku in SKUS[:500]} == {2}
    assert {standing(0).assigned_version(sku) for sku in SKUS[:500]} == {1}
    assert {standing(100, candidate=None).assigned_version(sku) for sku in SKUS[:500]} == {1}
    assert all(standing(20).is_in_backfill(sku, 100) for sku in SKUS[:500])


def test_a_backfill_takes_the_canarys_own_skus_first() -> None:
    found = standing(20)
    canary = {sku for sku in SKUS if found.assigned_version(sku) == 2}
    assert canary == {sku for sku in SKUS if found.assigned_version(sku) == 2 and found.is_in_backfill(sku, 20)}
    half = sum(found.is_in_backfill(sku, 5) for sku in canary)
    assert 0.15 < half / len(canary) < 0.35, "5 of the canary's 20 per cent"


def test_another_candidate_and_another_model_are_tried_on_other_skus() -> None:
    versions = VERSIONS | {3: WeightsSpec(family="stub", source="stub/3")}
    tried = [
        FrozenVersions(name=name, versions=versions, production=1, candidate=number, share=5)
        for name, number in (("card", 2), ("card", 3), ("other", 2))
    ]
    chosen = [{sku for sku in SKUS if found.assigned_version(sku) != 1} for found in tried]
    assert all(len(one & other) < 80 for one in chosen for other in chosen if one is not other)


@pytest.mark.parametrize(
    ("source", "weights"), [(None, "stub/1"), ("stub/1", "stub/1"), ("stub/2", "stub/2"), ("stub/02", "stub/1")]
)
def test_the_stubs_versions_are_known_by_their_number(source: str | None, weights: str) -> None:
    assert WeightsSpec(family="stub", source=source).identity["weights"] == weights


def test_a_registered_model_goes_by_its_versions_names() -> None:
    model = ModelEntry(registry="card", standing=standing(20))
    assert model.weights_by_name("cards") == {"cards@1": VERSIONS[1], "cards@2": VERSIONS[2]}
    assert model.provenance_by_name("cards") == {
        f"cards@{number}": ModelProvenance(f"cards@{weights.identity_prefix}", f"card/{number}", "bf16")
        for number, weights in VERSIONS.items()
    }
    assert ModelEntry(registry="card").weights_by_name("cards") == {}
    own = ModelEntry(family="stub", precision="fp32")
    assert own.provenance_by_name("cards") == {"cards": ModelProvenance(f"cards@{own.identity_prefix}", None, "fp32")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"registry": "Card"}, "registry: 'Card' must match"),
        ({"registry": "../x"}, "must match"),
        (
            {"registry": "card", "source": "stub/1"},
            "`source` is defined by the registry's versions of 'card'; leave it out",
        ),
        ({"registry": "card", "revision": COMMIT}, "`revision` is defined by"),
        ({"registry": "card", "weights_digest": "abc"}, "`weights_digest` is defined by"),
        ({"standing": standing(20)}, "`standing` goes with `registry`"),
    ],
)
def test_a_model_has_one_origin(words: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelEntry.model_validate(words)


def test_a_recipes_digest_does_not_depend_on_the_registrys_current_versions() -> None:
    asked = recipe_with({"models": {"cards": {"registry": "card"}}})
    frozen = recipe_with({"models": {"cards": {"registry": "card", "standing": standing(20).model_dump()}}})
    assert asked.digest == frozen.digest
    assert recipe_with({"models": {"cards": {"registry": "other"}}}).digest != asked.digest
    direct = recipe_with().digest
    assert direct == "1cea9e5a04c10205e29891b35318588acaf907a0af4d1e03d7218bbe5439770d", (
        "recipes that name a source have the digest that they always had"
    )


def test_a_recipe_names_every_version_with_what_it_is_made_of() -> None:
    recipe = recipe_with({"models.cards": {"registry": "card", "standing": standing(20).model_dump()}})
    assert list(recipe.weights_by_name) == ["stub", "other", "cards@1", "cards@2"]
    assert recipe.provenance_by_name["cards@2"].model_version == "card/2"


@pytest.mark.parametrize(
    ("source", "allowed", "taken"),
    [
        ("owner/name", "owner", True), ("owner/name", "owner/name", True), ("owner/name", "own", False),
        ("owner/name", "owner/nam", False), ("owner2/name", "owner", False), ("/models/turbo", "/models", True),
        ("/models/turbo", "/models/", True), ("/models/../home/x", "/models", False), ("/models2/x", "/models", False),
        ("owner/../attacker/x", "owner", False), ("./owner/name", "owner", True), ("", "owner", False),
    ],
)  # fmt: skip
def test_s10_an_allowed_source_is_an_owner_a_model_or_a_folder(source: str, allowed: str, taken: bool) -> None:
    weights = WeightsSpec(source=source, weights_digest="d" * 64)
    assert (source_refusal(weights, ("elsewhere", allowed)) is None) == taken
    assert source_refusal(weights, ()) is None


def test_s10_without_allowed_sources_weights_need_a_digest_and_the_stub_none() -> None:
    assert "no weights digest" in (source_refusal(WeightsSpec(source="a/b", revision="a" * 40), ()) or "")
    assert source_refusal(WeightsSpec(family="stub", source="stub/1"), ()) is None
    assert source_refusal(WeightsSpec(family="stub", source="stub/1"), ("owner",)) is None
