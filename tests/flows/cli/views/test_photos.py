"""The photos of a catalogue on a terminal: how many slots keep one, what cannot be used, and text that stays text."""

import io

from rich.console import Console

from catalogs.runs.report_parts import ReportPhotoReason, ReportPhotos
from flows.cli.views.photos import show_photos


def shown(photos: ReportPhotos | None) -> str:
    file = io.StringIO()
    show_photos(Console(file=file, width=100), photos)
    return file.getvalue()


def test_slots_are_counted_by_mode_and_each_reason_is_shown_with_its_first_row() -> None:
    reasons = {"photo.unreadable": ReportPhotoReason(1200, 7, 31, "A-1"), "photo.missing": ReportPhotoReason()}
    text = shown(ReportPhotos({"white": 12000}, reasons))
    assert "12,000 slots ask for the product of a photo, in the mode white." in text
    for part in ("photo.unreadable", "1,200", "7", "31", "A-1", "photo.missing"):
        assert part in text


def test_nothing_is_printed_for_a_catalogue_without_photos() -> None:
    assert shown(None) == ""


def test_a_sku_neither_colours_nor_moves_anything() -> None:
    text = shown(ReportPhotos({"white": 1}, {"photo.missing": ReportPhotoReason(1, 1, 1, "[bold]\x1b[2J\u202e")}))
    assert "[bold]" in text
    assert not {"\x1b", "\u202e"} & set(text)
