"""Mutations: always the same for one seed, within the length, and of the kind that they change."""

import json
import random
import zlib

import pytest

from tests.fuzzing import mutations, seeds
from tests.fuzzing.targets import TARGETS


def mutated(name: str, number: int) -> bytes:
    target = TARGETS[name]
    given = target.seeds()
    return target.mutate(
        given[number % len(given)], target.max_bytes, random.Random(number), mutations.change_bytes(number)
    )


@pytest.mark.parametrize("name", TARGETS)
def test_a_mutation_repeats_and_keeps_the_length(name: str) -> None:
    first = [mutated(name, number) for number in range(60)]
    assert first == [mutated(name, number) for number in range(60)]
    assert len(set(first)) > 30
    assert max(map(len, first)) <= TARGETS[name].max_bytes


def test_most_changed_documents_are_json_still() -> None:
    def is_json(data: bytes) -> bool:
        try:
            json.loads(data)
        except ValueError:
            return False
        return True

    assert sum(is_json(mutated("engine-card", number)) for number in range(200)) > 100


def test_a_changed_png_has_right_checksums_more_often_than_not() -> None:
    def is_sound(data: bytes) -> bool:
        offset = 8
        while offset + 12 <= len(data):
            end = offset + 8 + int.from_bytes(data[offset : offset + 4], "big")
            if zlib.crc32(data[offset + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
                return False
            offset = end + 4
        return offset == len(data)

    png = seeds.images()[0]
    changed = [mutations.image(png, 1 << 14, random.Random(n), mutations.change_bytes(n)) for n in range(200)]
    assert sum(map(is_sound, changed)) > 100
