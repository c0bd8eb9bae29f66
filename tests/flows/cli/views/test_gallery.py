"""What an export says on a terminal."""

from io import StringIO

from rich.console import Console

from flows.cli.views.gallery import MAX_LINES, show_export
from tasks.gallery.gallery_export import ExportedImage, GalleryExport, LeftOut


def test_what_was_left_out_is_named_up_to_a_number_and_made_visible() -> None:
    left = [LeftOut(f"\x1b[31mS{number}", "front", "it is gone") for number in range(MAX_LINES + 3)]
    said = StringIO()
    show_export(Console(file=said, width=200), GalleryExport("shoes", 7, "/tmp/out", 20, 1000, [], left))  # noqa: S108
    text = said.getvalue()
    assert "0 of 1,000 images of release 7: /tmp/out/index.html" in text
    assert text.count("left out") == MAX_LINES + 1
    assert "3 more, in exported.json" in text
    assert "\x1b" not in text
    assert "\\x1b[31mS0, front: it is gone" in text


def test_that_private_photos_stayed_is_said_where_there_are_any() -> None:
    kept = ExportedImage("a", "front", "a", 0, "images/a.jpg", "thumbnails/a.jpg", mode="white")
    for photos, images, words in ((False, [kept], "since they are private"), (True, [kept], ""), (False, [], "")):
        said = StringIO()
        show_export(Console(file=said, width=200), GalleryExport("shoes", 7, "out", 1, 1, images, photos=photos))
        assert ("the shop's photos stay" in said.getvalue()) == bool(words)
        assert words in said.getvalue()
