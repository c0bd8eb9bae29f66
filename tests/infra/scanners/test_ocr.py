"""The real reader: from the wheel's own models, without a network, once a picture."""

import socket
from typing import NoReturn

import pytest

from infra.scanners.ocr import LONG_SIDES, OcrReader, line_details, ocr_version, shared_ocr_reader
from tests.fixtures.scanner_images import NEEDS_OCR, vase_image, with_text

pytestmark = NEEDS_OCR


def refused(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the reader asked for the network")


def test_a_new_reader_reads_without_a_network_and_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    made = OcrReader()
    lines = made.read(with_text(vase_image(side=512), "only today", 60, at=(0.5, 0.9)))
    assert "only today" in {line.text for line in lines}
    sessions = [made._read.text_det.session.session, made._read.text_rec.session.session]
    assert {session.get_session_options().intra_op_num_threads for session in sessions} == {1}


def test_corners_are_shares_of_the_frame() -> None:
    lines = shared_ocr_reader().read(with_text(vase_image(side=512)[:256], "ON TOP", 40, at=(0.25, 0.5)))
    assert lines
    for line in lines:
        assert line.corners.shape == (4, 2)
        across, down = line.corners.mean(axis=0)
        assert 0.2 < across < 0.3
        assert 0.4 < down < 0.6
    [detail, *_] = line_details(lines)
    assert detail["text"] == "ON TOP"


def test_a_picture_is_read_once_for_two_scanners_and_anew_when_it_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sides: list[int] = []
    made = shared_ocr_reader()
    monkeypatch.setattr(made, "_read_lines", lambda _, side: sides.append(side) or [])
    first, second = vase_image(side=64), vase_image(side=64)
    assert made.read(first) is made.read(first)
    made.read(second)
    assert sides == [*LONG_SIDES, *LONG_SIDES]


def test_the_version_names_the_sizes_that_are_read() -> None:
    assert ocr_version().endswith("+736-448")
    assert "+rapidocr-" in ocr_version()
