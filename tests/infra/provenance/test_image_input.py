"""One picture is read, wherever it lies, and nothing that is none."""

import os
from pathlib import Path

import numpy as np
import pytest

from infra.errors import InvalidImage, InvalidStoreAddress, UnreadableSource
from infra.imaging.codecs import encode_png
from infra.provenance import image_input
from infra.provenance.image_input import read_image, require_max_pixels
from infra.stores import open_store


def test_a_path_a_file_url_and_an_object_are_read_alike(tmp_path: Path, s3_url: str) -> None:
    path = tmp_path / "a picture #1.jpg"
    path.write_bytes(b"picture")
    open_store(s3_url).write("published/x/front.jpg", b"picture")
    for where in (str(path), path.as_uri(), f"{s3_url}/published/x/front.jpg"):
        assert read_image(where) == b"picture", where


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ("https://shop.example/a.jpg", UnreadableSource, "not fetched from the web; download it first"),
        ("HTTP://169.254.169.254/", UnreadableSource, "not fetched from the web"),
        ("s3://bucket", UnreadableSource, "names no object"),
        ("s3://ada:sesame@bucket/key", InvalidStoreAddress, "names a user or a password"),
        ("ftp://there/a.jpg", InvalidStoreAddress, "No store is known for 'ftp://'"),
        ("", UnreadableSource, "names no image"),
        ("nowhere.jpg", UnreadableSource, "cannot be read .No such file"),
        (".", UnreadableSource, "is not a file"),
        ("/dev/zero", UnreadableSource, "is not a file"),
    ],
)
def test_what_is_no_picture_of_ours_to_read_is_refused(where: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        read_image(where)
    assert "sesame" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableSource, match="is not a file"):
        read_image(str(tmp_path / "pipe"))


def test_an_object_that_is_not_there_is_named(s3_url: str) -> None:
    with pytest.raises(UnreadableSource, match=r"There is no object 's3://.*gone.jpg'; check the key"):
        read_image(f"{s3_url}/gone.jpg")


def test_what_is_empty_or_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.jpg"
    path.touch()
    with pytest.raises(UnreadableSource, match="is empty"):
        read_image(str(path))
    with path.open("wb") as file:
        file.truncate(image_input.MAX_IMAGE_BYTES + 1)
    with pytest.raises(UnreadableSource, match="has 67,108,865 bytes, more than the limit of 67,108,864"):
        read_image(str(path))


def test_a_bomb_is_seen_by_its_head() -> None:
    data = encode_png(np.zeros((100, 100, 3), np.uint8))
    require_max_pixels(data, 10_000)
    with pytest.raises(InvalidImage, match="100 x 100 pixels is not decoded here; the limit is 9,999"):
        require_max_pixels(data, 9_999)
    bomb = data.replace((100).to_bytes(4, "big"), (60_000).to_bytes(4, "big"))
    with pytest.raises(InvalidImage):
        require_max_pixels(bomb, 10_000)
