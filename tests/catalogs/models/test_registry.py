"""Versions move as they may, whatever people try, and the registry says who moved them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from catalogs.models.registry import ChangeKind, ModelRegistry, RegistryChange, validate_model_name, validate_share
from catalogs.models.weights import ALLOWED_SHARES, WeightsSpec

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def change(kind: ChangeKind, version: int, **more: Any) -> RegistryChange:
    return RegistryChange(kind=kind, version=version, by="ada", at=NOW, **more)


def stub(number: int, **words: Any) -> WeightsSpec:
    return WeightsSpec(**({"family": "stub", "source": f"stub/{number}"} | words))


def registry_after(*moves: str) -> ModelRegistry:
    """Return a registry after moves as people would write them: "+" registers the next, "canary 2 20", "promote 2"."""
    registry = ModelRegistry("card")
    for move in moves:
        kind, *numbers = move.split()
        if kind == "+":
            registry = registry.with_change(
                change("register", registry.next_version_number, weights=stub(registry.next_version_number))
            )
        elif kind == "canary":
            registry = registry.with_change(change("canary", int(numbers[0]), share=int(numbers[1])))
        elif kind == "promote":
            registry = registry.with_change(change("promote", int(numbers[0])))
        else:
            registry = registry.with_change(change("rollback", registry.rollback_version))
    return registry


def states(registry: ModelRegistry) -> dict[int, tuple[str, int]]:
    return {number: (version.state, version.share) for number, version in registry.versions.items()}


def test_a_version_is_born_a_candidate_and_makes_nothing() -> None:
    registry = registry_after("+", "+")
    assert states(registry) == {1: ("candidate", 0), 2: ("candidate", 0)}
    assert (registry.production, registry.canary, registry.next_version_number) == (None, None, 3)


def test_a_promotion_retires_what_was_in_production_and_ends_the_canary() -> None:
    registry = registry_after("+", "promote 1", "+", "canary 2 20")
    assert states(registry) == {1: ("production", 0), 2: ("candidate", 20)}
    standing = registry.freeze_versions()
    assert (standing.production, standing.candidate, standing.share, list(standing.versions)) == (1, 2, 20, [1, 2])
    after = registry.with_change(change("promote", 2))
    assert states(after) == {1: ("retired", 0), 2: ("production", 0)}
    standing = after.freeze_versions()
    assert (standing.production, standing.candidate, standing.share, list(standing.versions)) == (2, None, 0, [1, 2])


def test_a_canarys_share_may_grow_and_shrink() -> None:
    registry = registry_after("+", "promote 1", "+", "canary 2 5", "canary 2 100", "canary 2 50")
    assert states(registry)[2] == ("candidate", 50)


def test_a_rollback_takes_back_a_canary_first_then_one_promotion_after_another() -> None:
    registry = registry_after("+", "promote 1", "+", "promote 2", "+", "promote 3", "+", "canary 4 20")
    seen = []
    for _ in range(3):
        taken = registry.rollback_version
        registry = registry.with_change(change("rollback", taken))
        seen.append((taken, registry.production, registry.versions[taken].state))
    assert seen == [(4, 3, "retired"), (3, 2, "retired"), (2, 1, "retired")]
    assert states(registry) == {1: ("production", 0), 2: ("retired", 0), 3: ("retired", 0), 4: ("retired", 0)}
    with pytest.raises(OptionError, match="'card' has nothing to go back to: version 1 is the first"):
        _ = registry.rollback_version


def test_weights_that_were_retired_may_be_registered_again() -> None:
    registry = registry_after("+", "promote 1", "+", "promote 2")
    again = registry.with_change(change("register", 3, weights=stub(1)))
    assert states(again)[3] == ("candidate", 0)
    assert again.with_change(change("promote", 3)).production == 3


@pytest.mark.parametrize(
    ("moves", "next_move", "words"),
    [
        (["+"], "canary 9 20", "The model 'card' has no version 9; it has 1"),
        ([], "promote 1", "The model 'card' has no version 1; it has none"),
        (["+"], "canary 1 20", "'card' has no version in production beside which 1 could be tried"),
        (["+", "promote 1", "+"], "canary 2 30", "The share 30 is none of 5, 20, 50, 100"),
        (["+", "promote 1", "+"], "canary 2 0", "The share 0 is none of 5, 20, 50, 100"),
        (["+", "promote 1"], "canary 1 20", "Version 1 of 'card' is in production already"),
        (["+", "promote 1"], "promote 1", "Version 1 of 'card' is in production already"),
        (["+", "promote 1", "+", "promote 2"], "promote 1", "Version 1 of 'card' is retired and cannot be promoted"),
        (
            ["+", "promote 1", "+", "promote 2"],
            "canary 1 5",
            "Version 1 of 'card' is retired and cannot be put on canary",
        ),
        (
            ["+", "promote 1", "+", "+", "canary 2 5"],
            "canary 3 5",
            "cannot be put on canary while version 2 is on canary",
        ),
        (["+", "promote 1", "+", "+", "canary 2 5"], "promote 3", "cannot be promoted while version 2 is on canary"),
        (["+"], "rollback", "'card' has nothing to go back to: no version was ever promoted"),
        (["+", "promote 1"], "rollback", "'card' has nothing to go back to: version 1 is the first"),
    ],
)
def test_what_is_no_legal_move_is_refused_in_a_sentence(moves: list[str], next_move: str, words: str) -> None:
    registry_after(*moves)
    with pytest.raises(OptionError, match=words):
        registry_after(*moves, next_move)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (stub(1), "has these weights at this precision already: version 1"),
        (
            WeightsSpec(source="/models/x", weights_digest="abc"),
            "is of the family 'stub'; register 'z-image' under another name",
        ),
        (WeightsSpec(source="owner/name"), "'owner/name' is not pinned: give a folder, or hub-id@commit"),
    ],
)
def test_weights_that_are_there_already_or_of_another_family_or_unknown_are_refused(
    weights: WeightsSpec, words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        registry_after("+").with_change(change("register", 2, weights=weights))
    assert (
        registry_after("+").with_change(change("register", 2, weights=stub(1, precision="fp32"))).next_version_number
        == 3
    )


def test_a_rollback_of_something_else_than_what_came_last_is_refused() -> None:
    registry = registry_after("+", "promote 1", "+", "promote 2")
    with pytest.raises(OptionError, match="'card' was changed meanwhile"):
        registry.with_change(change("rollback", 1))


def test_nothing_in_production_cannot_be_frozen_into_a_run() -> None:
    with pytest.raises(
        OptionError, match="'card' has no version in production: `packshot engine promote card VERSION`"
    ):
        registry_after("+").freeze_versions()


MOVES = [
    "+", "rollback", *(f"promote {n}" for n in (1, 2, 3)),
    *(f"canary {n} {share}" for n in (1, 2, 3) for share in (5, 100)),
]  # fmt: skip


@given(st.lists(st.sampled_from(MOVES), max_size=12))
def test_whatever_people_do_one_version_at_most_is_in_production_and_one_on_canary(moves: list[str]) -> None:
    registry = ModelRegistry("card")
    for move in moves:
        try:
            kind, *numbers = move.split()
            if kind == "+":
                registry = registry.with_change(
                    change("register", registry.next_version_number, weights=stub(registry.next_version_number))
                )
            elif kind == "rollback":
                registry = registry.with_change(change("rollback", registry.rollback_version))
            else:
                share = {"share": int(numbers[1])} if kind == "canary" else {}
                registry = registry.with_change(change(kind, int(numbers[0]), **share))  # type: ignore[arg-type]
        except OptionError:
            continue
        kinds = [version.state for version in registry.versions.values()]
        shares = [version for version in registry.versions.values() if version.share]
        assert kinds.count("production") == (1 if registry.production_history else 0)
        assert [version.state for version in shares] in ([], ["candidate"])
        assert ModelRegistry("card", registry.changes).versions == registry.versions
        if registry.production is not None:
            assert registry.freeze_versions().assigned_version("any SKU") in registry.versions


@pytest.mark.parametrize("name", ["", "-card", "Card", "a/b", "..", "x" * 64, "café"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="must be 1 to 63 of a-z, 0-9, - and _"):
        validate_model_name(name)
    assert validate_model_name("z-image_turbo-2") == "z-image_turbo-2"


def test_the_shares_that_there_are() -> None:
    assert [validate_share(share) for share in ALLOWED_SHARES] == [5, 20, 50, 100]
