"""Neighbours against a plain loop, and the traps of many equal codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.imaging.hamming_index import Fingerprints, HammingIndex


def by_hand(index: Fingerprints, asked: Fingerprints, radius: int) -> list[list[tuple[int, int]]]:
    apart = np.bitwise_count(index[None, :, :] ^ asked[:, None, :]).sum(axis=2, dtype=int)
    return [
        sorted(((int(row), int(far)) for row, far in enumerate(line) if far <= radius), key=lambda it: (it[1], it[0]))
        for line in apart
    ]


def listed(neighbours: HammingIndex, asked: Fingerprints, radius: int) -> list[list[tuple[int, int]]]:
    return [
        [(int(row), int(far)) for row, far in zip(rows, apart, strict=True)]
        for rows, apart in neighbours.range_search(asked, radius)
    ]


def flipped(code: Fingerprints, bits: int) -> Fingerprints:
    spread = np.unpackbits(code)
    spread[:bits] ^= 1
    return np.packbits(spread)


def test_the_radius_is_inclusive() -> None:
    code = np.random.default_rng(0).integers(0, 256, 32, dtype=np.uint8)
    neighbours = HammingIndex()
    neighbours.add(np.stack([flipped(code, bits) for bits in (31, 32, 16, 0, 256)]))
    assert listed(neighbours, code[None], 31) == [[(3, 0), (2, 16), (0, 31)]]
    assert listed(neighbours, code[None], 0) == [[(3, 0)]]
    assert len(neighbours.range_search(code[None], 256)[0][0]) == 5


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_hits_are_those_of_a_plain_loop(rows: int, asks: int, radius: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (3, 32), dtype=np.uint8)
    index = np.stack([flipped(centres[rng.integers(3)], int(rng.integers(0, 50))) for _ in range(rows)])
    asked = np.stack([flipped(centres[rng.integers(3)], int(rng.integers(0, 50))) for _ in range(asks)])
    neighbours = HammingIndex()
    neighbours.add(index[: rows // 2])
    neighbours.add(index[rows // 2 :])
    assert len(neighbours) == rows
    assert listed(neighbours, asked, radius) == by_hand(index, asked, radius)


def test_more_neighbours_than_the_first_look_finds_are_all_found() -> None:
    rng = np.random.default_rng(3)
    code = rng.integers(0, 256, 32, dtype=np.uint8)
    close = np.stack([flipped(code, bits % 30) for bits in range(200)])
    close[:, 31] = np.arange(200)
    index = np.concatenate([rng.integers(0, 256, (300, 32), dtype=np.uint8), close])
    neighbours = HammingIndex()
    neighbours.add(index)
    assert listed(neighbours, code[None], 40) == by_hand(index, code[None], 40)
    assert len(neighbours.range_search(code[None], 40)[0][0]) >= 150


def test_twenty_thousand_equal_codes_share_one_answer() -> None:
    equal = np.full((20_000, 32), 7, np.uint8)
    neighbours = HammingIndex()
    neighbours.add(equal)
    answers = neighbours.range_search(equal, 31)
    assert len(answers) == 20_000
    assert len({id(rows) for rows, _ in answers}) == 1
    assert np.array_equal(answers[0][0], np.arange(20_000))
    assert not answers[0][1].any()


def test_rows_added_after_a_question_are_found_by_the_next() -> None:
    neighbours = HammingIndex()
    code = np.zeros((1, 32), np.uint8)
    assert listed(neighbours, code, 10) == [[]]
    neighbours.add(np.full((1, 32), 255, np.uint8))
    assert listed(neighbours, code, 10) == [[]]
    neighbours.add(code)
    assert listed(neighbours, code, 10) == [[(1, 0)]]


def test_the_caller_may_change_its_array_after_adding() -> None:
    codes = np.zeros((1, 32), np.uint8)
    neighbours = HammingIndex()
    neighbours.add(codes)
    codes[:] = 255
    assert listed(neighbours, np.zeros((1, 32), np.uint8), 0) == [[(0, 0)]]


def test_nothing_asked_is_nothing_answered() -> None:
    neighbours = HammingIndex()
    neighbours.add(np.zeros((2, 32), np.uint8))
    assert neighbours.range_search(np.empty((0, 32), np.uint8), 5) == []


@pytest.mark.parametrize("codes", [np.zeros((2, 8), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32), np.int64)])
def test_codes_of_another_form_are_refused(codes: Fingerprints) -> None:
    with pytest.raises(ValueError, match="n x 32 of uint8"):
        HammingIndex().add(codes)


@pytest.mark.parametrize("radius", [-1, 257])
def test_a_radius_that_cannot_be_is_refused(radius: int) -> None:
    with pytest.raises(ValueError, match=f"this is {radius}"):
        HammingIndex().range_search(np.zeros((1, 32), np.uint8), radius)


def test_many_codes_are_grouped_in_parts_and_none_is_taken_for_its_neighbour() -> None:
    codes = np.random.default_rng(3).integers(0, 256, (70_000, 32), np.uint8)
    codes[69_999] = codes[5]
    index = HammingIndex()
    index.add(codes[:40_000])
    index.add(codes[40_000:])
    asked = np.lexsort(codes.view(np.uint64).T)[65_530:65_545]
    assert [rows.tolist() for rows, _ in index.range_search(codes[asked], 0)] == [[row] for row in asked.tolist()]
    assert [rows.tolist() for rows, _ in index.range_search(codes[5:6], 0)] == [[5, 69_999]]
    index.add(codes[7:8])
    assert len(index) == 70_001
    assert [rows.tolist() for rows, _ in index.range_search(codes[[7, 69_999]], 0)] == [[7, 70_000], [5, 69_999]]
