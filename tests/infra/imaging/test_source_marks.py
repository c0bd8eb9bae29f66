"""Every way of making an image has a mark of its own, and what one says is read back from the file."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InvalidImage
from infra.imaging.finishing import finish
from infra.imaging.jpeg_segments import find_foreign_part
from infra.imaging.source_marks import (
    COMPOSITE_CAPTURE,
    COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
    NO_MARK,
    TRAINED_ALGORITHMIC_MEDIA,
    SourceMark,
    mark_for,
    mark_packet,
    read_mark,
    source_type_for,
)
from infra.interfaces import FinishParameters

MODES = [None, "white", "backdrop", "stage", "scene"]
PIXELS = np.random.default_rng(1).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def test_the_packet_of_a_generated_image_is_the_one_of_before_there_were_modes() -> None:
    assert hashlib.sha256(mark_packet(None)).hexdigest() == (
        "3374cc7582bd2e5ff9a85eada36ee1e4e8dba65aaa82f4dfdefc30a1a6948fb8"
    )
    assert finish(PIXELS, FinishParameters()) == finish(PIXELS, FinishParameters(), mode=None)


def test_the_source_type_is_true_of_the_mode() -> None:
    assert [source_type_for(mode) for mode in MODES] == [
        TRAINED_ALGORITHMIC_MEDIA,
        None,
        COMPOSITE_CAPTURE,
        COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
        COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
    ]
    assert COMPOSITE_CAPTURE == "http://cv.iptc.org/newscodes/digitalsourcetype/compositeCapture"
    assert COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA.endswith("/compositeWithTrainedAlgorithmicMedia"), "no d"


@pytest.mark.parametrize("mode", MODES)
def test_a_finished_file_carries_the_mark_of_its_mode_and_nothing_foreign(mode: str | None) -> None:
    data = finish(PIXELS, FinishParameters(), mode=mode)
    assert read_mark(data) == mark_for(mode) == SourceMark(source_type_for(mode), mode)
    assert find_foreign_part(data) is None


def test_white_without_a_source_type_is_told_from_a_lost_mark() -> None:
    white, lost = read_mark(finish(PIXELS, FinishParameters(), mode="white")), FinishParameters(mark=False)
    assert (white.source_type, white.text, white.name) == (None, "urn:packshot:kept/white", "white")
    assert (read_mark(finish(PIXELS, lost, mode="white")), NO_MARK.text, NO_MARK.name) == (NO_MARK, "", "")


def test_records_name_a_mark_by_its_last_part() -> None:
    names = [mark_for(mode).name for mode in MODES]
    composite = "compositeWithTrainedAlgorithmicMedia"
    assert names == ["trainedAlgorithmicMedia", "white", "compositeCapture", composite, composite]


def test_an_unknown_mode_is_refused_before_a_file_is_written() -> None:
    with pytest.raises(ValueError, match="no mode 'relit' of keeping a product; there is white, backdrop, stage and"):
        finish(PIXELS, FinishParameters(), mode="relit")


@pytest.mark.parametrize(
    "changed",
    [
        mark_packet("white").replace(b"urn:packshot:kept/", b"urn:somebody:kept/"),
        mark_packet("white").replace(b"packshot:mode", b"someones:mode"),
        mark_packet("white").replace(b'mode="white"', b'mode="WHITE"'),
    ],
    ids=["another namespace", "another prefix", "capitals"],
)
def test_a_mode_in_another_form_is_no_mark_of_ours(changed: bytes) -> None:
    data = finish(PIXELS, FinishParameters(), mode="white").replace(mark_packet("white"), changed)
    assert read_mark(data) == NO_MARK
    assert find_foreign_part(data) is not None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="not a JPEG, PNG or WebP"):
        read_mark(data)
