"""Flips are counted by both words, and shown by reason with the same few SKUs in any order."""

import random

from catalogs.policy.policy_diff import MAX_EXAMPLE_SKUS, PolicyDiff


def test_every_slot_is_counted_once_and_flips_under_each_reason() -> None:
    flips = PolicyDiff()
    flips.count_unchanged("PASS", 7)
    flips.count_slot("PASS", "BLOCK", "a", ["blurred", "words.brands"])
    flips.count_slot("PASS", "BLOCK", "b", ["blurred"])
    flips.count_slot("REVIEW", "REVIEW", "c", ["blurred"])
    flips.count_slot("BLOCK", "PASS", "d", ["blank"])
    assert flips.matrix == {
        "PASS": {"PASS": 7, "REVIEW": 0, "BLOCK": 2},
        "REVIEW": {"PASS": 0, "REVIEW": 1, "BLOCK": 0},
        "BLOCK": {"PASS": 1, "REVIEW": 0, "BLOCK": 0},
    }
    assert flips.slot_count == 11
    assert [
        (flip["now"], flip["then"], flip["reason"], flip["slots"], flip["skus"]) for flip in flips.transitions()
    ] == [
        ("PASS", "BLOCK", "blurred", 2, ["a", "b"]),
        ("BLOCK", "PASS", "blank", 1, ["d"]),
        ("PASS", "BLOCK", "words.brands", 1, ["a"]),
    ]


def test_the_examples_are_the_same_in_any_order_and_few() -> None:
    skus = [f"sku-{number:03d}" for number in range(50)] * 2
    seen = set()
    for seed in range(5):
        random.Random(seed).shuffle(skus)
        flips = PolicyDiff()
        for sku in skus:
            flips.count_slot("PASS", "REVIEW", sku, ["soft"])
        (flip,) = flips.transitions()
        assert flip["slots"] == 100
        seen.add(tuple(flip["skus"]))
    assert seen == {tuple(f"sku-{number:03d}" for number in range(MAX_EXAMPLE_SKUS))}
