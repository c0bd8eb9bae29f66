"""Parts of a finished file that no finish writes: each kind is found, and every finish of ours is clean."""

import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from infra.imaging.finishing import finish
from infra.imaging.jpeg_segments import find_foreign_part
from infra.interfaces import FinishParameters

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 24, 3), dtype=np.uint8)
OURS = finish(PIXELS, FinishParameters())
SCAN = OURS.index(b"\xff\xda")


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def inserted(part: bytes, offset: int) -> bytes:
    return OURS[:offset] + part + OURS[offset:]


@pytest.mark.parametrize(
    ("quality", "mark", "canvas"), list(product((1, 50, 75, 90, 100), (True, False), ("none", "square")))
)
def test_every_finish_of_ours_is_clean(quality: int, mark: bool, canvas: str) -> None:
    parameters = FinishParameters(quality=quality, mark=mark, canvas=canvas)  # type: ignore[arg-type]
    assert find_foreign_part(finish(PIXELS, parameters)) is None


@pytest.mark.parametrize(
    "part",
    [
        segment(0xFE, b"<html><script>"),
        segment(0xE1, b"Exif\0\0" + bytes(40)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x dcterms:provenance='evil'/>"),
        segment(0xE2, b"ICC_PROFILE\0\x01\x01" + b"ICCEVIL" * 3000),
        segment(0xE2, b"MPF\0" + bytes(30)),
        segment(0xEB, b"JP" + bytes(30)),
        segment(0xED, b"Photoshop 3.0\0"),
        segment(0xEE, b"Adobe" + bytes(7)),
        segment(0xDD, b"\0\4"),
        segment(0xC4, bytes(17) + b"hidden"),
        segment(0xDB, bytes(65) + b"hidden"),
        segment(0xC0, bytes(15)),
        b"\xff\xff",
        b"loose bytes",
        b"\xff\xd8",
    ],
    ids=lambda part: part[:12].hex(),
)
def test_a_segment_that_no_finish_writes_is_found_before_and_among_ours(part: bytes) -> None:
    assert find_foreign_part(inserted(part, 2)) is not None
    assert find_foreign_part(inserted(part, SCAN)) is not None


@pytest.mark.parametrize(
    "tail", [b"\0", b"PK\x03\x04", b"\xff\xd9", OURS, b"\xff\xfe\0\4hi\xff\xd9"], ids=lambda tail: tail[:8].hex()
)
def test_bytes_after_the_end_are_found(tail: bytes) -> None:
    assert "after the end" in str(find_foreign_part(OURS + tail))


def test_a_file_of_another_program_a_cut_one_and_another_format_are_found() -> None:
    def saved(kind: str, **options: object) -> bytes:
        target = io.BytesIO()
        Image.fromarray(PIXELS).save(target, kind, **options)
        return target.getvalue()

    assert find_foreign_part(saved("JPEG", comment="mine")) == "a segment FFFE of 4 bytes that no finish writes"
    assert "FFC2" in str(find_foreign_part(saved("JPEG", progressive=True)))
    assert find_foreign_part(saved("PNG")) == "it is no JPEG"
    assert find_foreign_part(b"") == "it is no JPEG"
    assert "or no end" in str(find_foreign_part(OURS[:-1]))


def test_a_profile_of_another_littlecms_is_ours_and_one_with_another_date_is_not() -> None:
    start = OURS.index(b"ICC_PROFILE\0") + 14
    length = int.from_bytes(OURS[start : start + 4], "big")
    profile = bytearray(OURS[start : start + length])
    profile[8:12] = b"\x04\x30\0\0"  # ICC 4.3, as older versions wrote
    profile += b"\0" * 12
    profile[:4] = len(profile).to_bytes(4, "big")
    head, rest = OURS[: start - 18], OURS[start + length :]
    assert find_foreign_part(head + segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(profile)) + rest) is None
    profile[25] += 1
    assert find_foreign_part(head + segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(profile)) + rest) is not None


@given(st.integers(0, SCAN), st.binary(min_size=1, max_size=60))
def test_bytes_inserted_anywhere_before_the_scan_are_found(offset: int, part: bytes) -> None:
    changed = inserted(part, offset)
    if changed != OURS:
        assert find_foreign_part(changed) is not None


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    assert find_foreign_part(data) is not None
    assert find_foreign_part(b"\xff\xd8" + data) is not None
