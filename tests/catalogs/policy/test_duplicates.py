"""Duplicate verdicts do not depend on the order of arrival, and a refused image suppresses no other."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.policy.duplicates import (
    DuplicateCandidate,
    DuplicateVerdict,
    NearPair,
    PublishedImage,
    colour_distance,
    is_refused_for_likeness,
    judge_duplicates,
)
from catalogs.policy.schema import DuplicateRules
from catalogs.verdict import PASS, Verdict

RULES = DuplicateRules()
EXACT = Verdict("BLOCK", ("duplicate-exact",))
NEAR = Verdict("BLOCK", ("duplicate-near",), retryable=True)
MAYBE = Verdict("REVIEW", ("duplicate-maybe",))
VIEW = Verdict("BLOCK", ("view-not-distinct",), retryable=True)


def candidate(
    key: str, *skus: str, bits: int = 0, quality: float = 90, sha: str = "", start: int = 0
) -> DuplicateCandidate:
    """Make a candidate whose code has `bits` ones from bit `start` on."""
    code = (((1 << bits) - 1) << start).to_bytes(32, "big")
    return DuplicateCandidate(key.encode(), skus or (key,), code, quality, (sha or f"pixels of {key}").encode())


def live(key: str, sku: str, *, bits: int = 0, sha: str = "", slot: str = "", start: int = 0) -> PublishedImage:
    image = candidate(key, sku, bits=bits, sha=sha, start=start)
    return PublishedImage(
        (slot or f"slot of {sku}").encode(), sku, image.request_key, image.pixel_sha, image.fingerprint
    )


def apart(one: DuplicateCandidate | PublishedImage, other: DuplicateCandidate | PublishedImage) -> int:
    ours, theirs = (int.from_bytes(each.fingerprint or b"", "big") for each in (one, other))
    return (ours ^ theirs).bit_count()


def judge(
    candidates: list[DuplicateCandidate], published: list[PublishedImage], rules: DuplicateRules = RULES
) -> list[DuplicateVerdict]:
    clear = [one for one, each in enumerate(candidates) if each.trusted_fingerprints(rules)[0]]
    among: list[NearPair] = [
        (one, other, apart(candidates[one], candidates[other])) for one in clear for other in clear if one < other
    ]
    against: list[NearPair] = [
        (one, other, apart(candidates[one], published[other])) for one in clear for other in range(len(published))
    ]
    return judge_duplicates(candidates, published, among, against, rules)


def words(candidates: list[DuplicateCandidate], published: list[PublishedImage]) -> list[Verdict]:
    return [answer.verdict for answer in judge(candidates, published)]


# One photo under two SKUs

PHOTO, OTHER_PHOTO = b"photo", b"other photo"


@pytest.mark.parametrize(("bits", "sha", "otherwise"), [(0, "same", EXACT), (3, "", NEAR), (20, "", MAYBE)])
def test_images_of_two_skus_that_keep_the_same_photo_are_not_compared(bits: int, sha: str, otherwise: Verdict) -> None:
    small = replace(candidate("a", "S", sha=sha), photo_sha=PHOTO)
    shown = replace(live("a", "S", sha=sha), photo_sha=PHOTO)
    large = replace(candidate("b", "M", bits=bits, sha=sha), photo_sha=PHOTO)
    assert words([small, large], []) == [PASS, PASS]
    assert words([large], [shown]) == [PASS]
    for photo in (OTHER_PHOTO, b""):
        other = replace(large, photo_sha=photo)
        assert words([small, other], []) == [PASS, otherwise]
        assert words([other], [shown]) == [otherwise]
    without = [replace(image, photo_sha=b"") for image in (small, large)]
    assert words(without, []) == [PASS, otherwise], "that neither keeps a photo makes no two photos one"


def test_views_of_one_sku_that_keep_the_same_photo_are_compared_as_ever() -> None:
    front, side = (replace(candidate(key, "shirt", bits=3 * (key == "b")), photo_sha=PHOTO) for key in "ab")
    assert words([front, side], []) == [PASS, VIEW]
    both = [replace(live("a", sku, slot=sku), photo_sha=PHOTO) for sku in ("shirt", "vest")]
    assert words([side], both) == [VIEW], "size variants that share an image share its views"


# Against what is published


@pytest.mark.parametrize(
    ("bits", "expected"), [(0, NEAR), (16, NEAR), (17, MAYBE), (31, MAYBE), (32, PASS), (200, PASS)]
)
def test_another_skus_image_is_judged_by_distance(bits: int, expected: Verdict) -> None:
    [answer] = judge([candidate("b", bits=bits)], [live("a", "other")])
    assert answer.verdict == expected
    assert (answer.distance_bits, answer.collides_with) == (
        (None, None) if expected == PASS else (bits, live("a", "other"))
    )


@pytest.mark.parametrize(("bits", "expected"), [(0, VIEW), (16, VIEW), (17, PASS), (31, PASS)])
def test_another_view_of_the_same_sku_may_be_fairly_alike_but_not_the_same(bits: int, expected: Verdict) -> None:
    assert words([candidate("b", "shirt", bits=bits)], [live("a", "shirt")]) == [expected]


def test_the_very_pixels_of_another_sku_are_blocked_without_another_seed() -> None:
    assert words([candidate("b", sha="same", bits=0)], [live("a", "other", sha="same")]) == [
        Verdict("BLOCK", ("duplicate-exact",))
    ]


def test_the_policy_may_send_exact_duplicates_to_a_person() -> None:
    rules = DuplicateRules(exact_other_sku="REVIEW")
    [answer] = judge([candidate("b", sha="same")], [live("a", "other", sha="same")], rules)
    assert answer.verdict == Verdict("REVIEW", ("duplicate-exact",))


def test_the_very_pixels_of_another_view_of_the_sku_ask_for_another_seed() -> None:
    assert words([candidate("b", "shirt", sha="same")], [live("a", "shirt", sha="same")]) == [VIEW]


def test_one_request_key_is_one_image_and_never_its_own_duplicate() -> None:
    assert words([candidate("a", "large", sha="same")], [live("a", "small", sha="same")]) == [PASS]


def test_size_variants_that_share_images_are_one_product() -> None:
    front, back = candidate("front", "S", "M", "L"), candidate("back", "L", "XL", bits=10)
    assert words([front, back], []) == [VIEW, PASS]
    published = [live("back", "S", bits=10, slot="1", sha="b"), live("back", "L", bits=10, slot="2", sha="b")]
    assert words([candidate("front", "M", "L")], published) == [VIEW]


def test_an_image_that_fingerprints_badly_is_compared_by_its_pixels_only() -> None:
    vague = candidate("b", bits=0, quality=49.9)
    assert words([vague], [live("a", "other")]) == [PASS]
    assert words([vague, candidate("c", bits=1)], []) == [PASS, PASS]
    assert words([candidate("b", quality=0, sha="same")], [live("a", "other", sha="same")]) == [EXACT]


def test_pixels_are_compared_without_any_pair_being_given() -> None:
    candidates = [candidate("b", sha="same"), candidate("c", sha="same"), candidate("d", sha="live")]
    answers = judge_duplicates(candidates, [live("a", "other", sha="live")], [], [], RULES)
    assert [answer.verdict for answer in answers] == [PASS, EXACT, EXACT]


def test_several_collisions_give_all_reasons_and_the_worst_then_nearest_image() -> None:
    own = live("a", "shirt", bits=5, start=100)
    other = live("z", "other", bits=5)
    vague = live("v", "third", bits=25, start=30)
    [answer] = judge([candidate("b", "shirt", bits=2)], [vague, own, other])
    assert answer.verdict == Verdict(
        "BLOCK", ("duplicate-maybe", "duplicate-near", "view-not-distinct"), retryable=True
    )
    assert (answer.collides_with, answer.distance_bits) == (other, 3)


def test_no_seed_is_tried_where_pixels_are_the_same_as_well() -> None:
    published = [live("a", "other", sha="same"), live("z", "third", bits=3)]
    [answer] = judge([candidate("b", sha="same")], published)
    assert answer.verdict == Verdict("BLOCK", ("duplicate-exact", "duplicate-near"))
    assert answer.collides_with == published[0]


# Within the batch


def test_of_two_alike_the_smaller_request_key_stays() -> None:
    for candidates in ([candidate("a"), candidate("b", bits=3)], [candidate("b", bits=3), candidate("a")]):
        by_key = {one.request_key: answer for one, answer in zip(candidates, judge(candidates, []), strict=True)}
        assert by_key[b"a"] == DuplicateVerdict(PASS)
        assert (by_key[b"b"].verdict, by_key[b"b"].distance_bits) == (NEAR, 3)


def test_chains_do_not_grow() -> None:
    chain = [candidate(key, bits=bits) for key, bits in (("a", 0), ("b", 16), ("c", 32), ("d", 48))]
    assert words(chain, []) == [PASS, NEAR, PASS, NEAR]


def test_what_waits_for_a_person_suppresses_no_other() -> None:
    assert words([candidate("a", bits=20), candidate("b", bits=36)], [live("0", "other")]) == [MAYBE, PASS]


def test_what_was_refused_suppresses_no_other() -> None:
    published = [live("0", "other", sha="same")]
    assert words([candidate("a", sha="same", bits=16), candidate("b", bits=32)], published) == [EXACT, PASS]


def test_pairs_in_both_directions_and_with_oneself_change_nothing() -> None:
    candidates = [candidate("a"), candidate("b", bits=3)]
    once = judge_duplicates(candidates, [], [(0, 1, 3)], [], RULES)
    assert judge_duplicates(candidates, [], [(1, 0, 3), (0, 1, 3), (0, 0, 0), (1, 1, 0)], [], RULES) == once
    assert judge_duplicates(candidates, [], [(1, 0, 3)], [], RULES) == once


def test_a_pair_that_names_nothing_is_refused() -> None:
    with pytest.raises(IndexError, match="there are 0 images"):
        judge_duplicates([candidate("a")], [], [], [(0, 0, 3)], RULES)


def test_an_empty_batch_has_no_answers() -> None:
    assert judge([], [live("a", "b")]) == []


# Colours and sizes

RED, PALE_RED, BLUE = (50.0, 60.0, 40.0, 0.8), (54.0, 62.0, 42.0, 0.8), (40.0, 10.0, -50.0, 0.8)


def test_two_colours_of_a_product_are_two_images_and_two_shades_are_one() -> None:
    red = live("a", "red mug")
    for looks, expected in ((BLUE, PASS), (PALE_RED, NEAR), (None, NEAR)):
        answers = judge([replace(candidate("b", bits=3), looks=looks)], [replace(red, looks=RED)])
        assert [answer.verdict for answer in answers] == [expected]


def test_no_colour_makes_equal_pixels_or_two_equal_views_of_a_sku_distinct() -> None:
    red = replace(live("a", "mug", sha="same"), looks=RED)
    assert words([replace(candidate("b", sha="same"), looks=BLUE)], [red]) == [EXACT]
    rules = DuplicateRules(view_colour=None)
    [answer] = judge([replace(candidate("b", "mug", bits=3), looks=BLUE)], [red], rules)
    assert answer.verdict == VIEW


def test_the_nearer_of_two_codes_counts() -> None:
    pair = [candidate("a"), candidate("b", bits=100)]
    answers = judge_duplicates(pair, [], [(0, 1, 100), (0, 1, 12), (1, 0, 25)], [], RULES)
    assert [(answer.verdict, answer.distance_bits) for answer in answers] == [(PASS, None), (NEAR, 12)]


def views(*looks: tuple[float, float, float, float] | None) -> list[DuplicateCandidate]:
    keys = "abcdefgh"
    return [
        replace(candidate(keys[place], "mug", bits=40 * (place + 1)), looks=each) for place, each in enumerate(looks)
    ]


DIFFER = Verdict("REVIEW", ("views-differ",))


def test_a_view_unlike_most_of_its_sku_waits_for_a_person() -> None:
    assert words(views(RED, PALE_RED, BLUE), []) == [PASS, PASS, DIFFER]
    assert words(views(RED, BLUE), []) == [DIFFER, DIFFER]
    assert words(views(RED, None), []) == [PASS, PASS]
    assert words([*views(RED), replace(candidate("z", "cup", bits=200), looks=BLUE)], []) == [PASS, PASS]


def test_published_views_are_compared_too() -> None:
    published = [
        replace(live(key, "mug", slot=key, start=100 + 50 * n, bits=40), looks=RED) for n, key in enumerate("xy")
    ]
    assert words([replace(candidate("a", "mug", bits=40), looks=BLUE)], published) == [DIFFER]
    assert words([replace(candidate("a", "mug", bits=40), looks=PALE_RED)], published) == [PASS]


def test_a_view_that_shows_the_product_far_smaller_waits_for_a_person() -> None:
    small = (*RED[:3], 0.3)
    assert words(views(RED, RED, small), []) == [PASS, PASS, DIFFER]
    assert words(views(RED, (*RED[:3], 0.4)), []) == [PASS, PASS]


def test_the_policy_may_let_views_differ() -> None:
    rules = DuplicateRules(view_colour=None, view_extent=None)
    answers = judge(views(RED, (*BLUE[:3], 0.1)), [], rules)
    assert [answer.verdict for answer in answers] == [PASS, PASS]


def test_an_outlier_view_suppresses_no_other() -> None:
    odd = replace(candidate("a", "mug", bits=5), looks=BLUE)
    rest = [replace(each, looks=RED) for each in (candidate("x", "mug", bits=90), candidate("y", "mug", bits=150))]
    assert words([odd, *rest, candidate("z", "cup", bits=8)], []) == [DIFFER, PASS, PASS, PASS]


BITS, START, SKU, SHA = st.integers(0, 40), st.integers(0, 30), st.sampled_from("PQRS"), st.sampled_from(["", "x", "y"])
KEPT_PHOTO = st.sampled_from([b"", PHOTO, OTHER_PHOTO])


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[DuplicateCandidate], list[PublishedImage]]:
    keys = draw(st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=8))
    candidates = [
        candidate(
            key,
            *draw(st.lists(SKU, min_size=1, max_size=2, unique=True)),
            bits=draw(BITS),
            start=draw(START),
            quality=draw(st.sampled_from([0.0, 90.0])),
            sha=draw(SHA),
        )
        for key in keys
    ]
    candidates = [
        replace(each, looks=draw(st.sampled_from([None, RED, BLUE])), photo_sha=draw(KEPT_PHOTO)) for each in candidates
    ]
    published = [
        live(
            draw(st.sampled_from("abxyz")),
            draw(SKU),
            bits=draw(BITS),
            start=draw(START),
            sha=draw(SHA),
            slot=str(number),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    return candidates, [replace(each, photo_sha=draw(KEPT_PHOTO)) for each in published]


def keep_one_photo(one: DuplicateCandidate, other: DuplicateCandidate | PublishedImage) -> bool:
    return bool(one.photo_sha) and one.photo_sha == other.photo_sha


@settings(deadline=None)
@given(batch=batches(), seed=st.integers(0, 1000))
def test_the_order_of_arrival_decides_nothing(
    batch: tuple[list[DuplicateCandidate], list[PublishedImage]], seed: int
) -> None:
    candidates, published = batch
    before = dict(zip([one.request_key for one in candidates], judge(candidates, published), strict=True))
    shuffle = random.Random(seed).shuffle
    shuffle(candidates)
    shuffle(published)
    after = dict(zip([one.request_key for one in candidates], judge(candidates, published), strict=True))
    assert after == before


@settings(deadline=None)
@given(batch=batches())
def test_what_passes_is_distinct_and_what_does_not_collides_with_an_image_that_stands(
    batch: tuple[list[DuplicateCandidate], list[PublishedImage]],
) -> None:
    candidates, published = batch
    answers = judge(candidates, published)
    standing = [one for one, answer in zip(candidates, answers, strict=True) if answer.verdict == PASS]
    for one, answer in zip(candidates, answers, strict=True):
        if answer.verdict == PASS:
            for other in (*standing, *published):
                if other.request_key != one.request_key and not keep_one_photo(one, other):
                    assert other.pixel_sha != one.pixel_sha
                    clear = one.quality >= 50 and getattr(other, "quality", 90) >= 50
                    assert not clear or apart(one, other) > RULES.near_bits or colour_distance(one, other) > 8
        else:
            if answer.verdict == DIFFER:
                continue
            assert answer.collides_with in standing or answer.collides_with in published
            assert answer.collides_with is not None
            assert answer.collides_with.request_key != one.request_key


def test_a_refusal_for_likeness_is_known_by_its_reasons() -> None:
    assert is_refused_for_likeness(["view-not-distinct"])
    assert not is_refused_for_likeness(["blurred"])


def test_an_image_is_not_compared_with_the_ones_that_it_replaces_unless_another_slot_shows_them() -> None:
    shown = [PublishedImage(slot, "b", b"old", b"pixels", None) for slot in (b"1", b"2")]
    replacing = DuplicateCandidate(b"new", ("a",), b"", 0, b"pixels", replaces=frozenset({b"1"}))
    (verdict,) = judge_duplicates([replacing], shown, [], [], RULES)
    assert verdict.verdict.reasons == ("duplicate-exact",)
    both = replace(replacing, replaces=frozenset({b"1", b"2"}))
    (verdict,) = judge_duplicates([both], shown, [], [], RULES)
    assert verdict.verdict == PASS
