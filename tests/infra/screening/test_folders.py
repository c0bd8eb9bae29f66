"""A folder's pictures are measured as the scanner measures them, and what is none says why."""

from pathlib import Path

import cv2
import pytest

from infra.imaging.codecs import encode_png
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pixels import measure_pixels
from infra.screening.folders import BATCH_SIZE, MAX_FILE_BYTES, list_images, list_unread_images, measure_folder
from tests.fixtures.product_images import flat_image, passing_images


@pytest.fixture(autouse=True)
def restore_opencv_threads() -> object:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def test_pictures_are_found_at_any_depth_by_their_ending(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.JPG", "a/b/d.jpeg", "e.txt", "f.gif", "a/g.WebP", "._b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [str(path) for path in list_images(tmp_path)] == ["a/b/d.jpeg", "a/c.JPG", "b.png"]
    assert [str(path) for path in list_unread_images(tmp_path)] == ["a/g.WebP", "f.gif"]


def test_each_picture_has_the_scanners_numbers_or_a_reason(tmp_path: Path) -> None:
    pixels = passing_images(128)["red ball"]
    (tmp_path / "ball.png").write_bytes(encode_png(pixels))
    (tmp_path / "cut.png").write_bytes(encode_png(pixels)[:900])
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    found = dict(measure_folder(tmp_path, [*list_images(tmp_path), Path("gone.png")]))
    assert found[Path("ball.png")] == {**measure_pixels(pixels), **measure_background(pixels)}
    for name, reason in (
        ("cut.png", "longer than the file"),
        ("huge.jpg", "larger than 100,000,000"),
        ("gone.png", "No such"),
    ):
        said = found[Path(name)]
        assert isinstance(said, str)
        assert reason in said


def test_more_pictures_than_are_read_at_once_come_in_order(tmp_path: Path) -> None:
    count = BATCH_SIZE + 3
    for number in range(count):
        (tmp_path / f"{number:03}.png").write_bytes(encode_png(flat_image(16, number)))
    found = [scores["black.mean"] for _, scores in measure_folder(tmp_path, list_images(tmp_path)) if scores]  # type: ignore[index]
    assert found == list(range(count))
