"""A catalogue's own folder is the one that it lies in."""

from pathlib import Path

import pytest

from infra.photos.catalogue_folder import catalogue_folder


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("s3://shop/in/catalogue.csv", "s3://shop/in"),
        ("s3a://shop/catalogue.parquet", "s3://shop"),
        ("s3://shop/in/table/", "s3://shop/in/table"),
        ("https://shop.example/catalogue.csv", None),
        ("gs://shop/catalogue.csv", None),
        ("s3://user:word@shop/catalogue.csv", None),
        ("/data/in/catalogue.csv", "file:///data/in"),
        ("file:///data/in/catalogue.csv", "file:///data/in"),
    ],
)
def test_the_folder_of_a_catalogue(source: str, folder: str | None) -> None:
    assert catalogue_folder(source) == folder


def test_a_catalogue_that_is_a_folder_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table").mkdir()
    monkeypatch.chdir(tmp_path)
    assert catalogue_folder("table") == f"file://{tmp_path}/table"
    assert catalogue_folder("catalogue.csv") == f"file://{tmp_path}"
