"""A sample is the first rows as texts, whatever their types, and the languages that a share of them is in."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogs.errors import CatalogueError
from infra.sources import open_source
from tasks.recipes.source_sample import found_languages, read_sample, texts_of


def test_the_first_rows_are_read_and_it_is_said_whether_they_are_all(tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text("sku,title\n" + "".join(f"{n:05},Thing {n}\n" for n in range(50)), "utf-8")
    whole = read_sample(open_source(str(file)))
    assert (whole.sample.row_count, whole.is_whole, whole.damaged) == (50, True, ())
    assert whole.sample.values["sku"][:2] == ["00000", "00001"]
    part = read_sample(open_source(str(file)), 7)
    assert (part.sample.row_count, part.is_whole, part.table.num_rows) == (7, False, 7)


def test_numbers_and_lists_are_texts(tmp_path: Path) -> None:
    table = pa.table({"id": [4006381333931, None], "price": [1.5, 2.0], "tags": [["a", "b"], []]})
    pq.write_table(table, tmp_path / "shop.parquet")
    sample = read_sample(open_source(str(tmp_path / "shop.parquet"))).sample
    assert sample.columns == ("id", "price", "tags")
    assert sample.values["id"] == ["4006381333931", ""]
    assert sample.values["tags"] == ["a,b", ""]


def test_rows_without_any_text_are_left_out() -> None:
    sample = texts_of(pa.table({"sku": ["A", "", "B", ""], "title": ["Mug", " ", "", ""]}))
    assert sample.values == {"sku": ["A", "B"], "title": ["Mug", ""]}


def test_a_source_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("sku,title\n", "utf-8")
    with pytest.raises(CatalogueError, match="no readable rows"):
        read_sample(open_source(str(tmp_path / "shop.csv")))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Eine Schale aus Holz, auch für den Herd", "de"),
        ("Un bol en grès pour la cuisine avec une anse", "fr"),
        ("ステンレスのマグカップ", "ja"),
        ("手工陶瓷杯子", "zh"),
        ("Деревянная доска", "ru"),
        ("머그컵 세트", "ko"),
        ("طقم أكواب", "ar"),
        ("Ξύλινο μπολ", "el"),
    ],
)
def test_the_language_of_texts_is_found(text: str, language: str) -> None:
    assert found_languages([text, "Oak tray", ""]) == (language,)


def test_one_foreign_title_in_a_hundred_is_no_language_of_the_catalogue() -> None:
    assert found_languages(["Oak tray"] * 99 + ["Eine Schale aus Holz, auch für den Herd"]) == ()
    assert found_languages([]) == ()


def test_files_whose_types_differ_give_the_same_texts(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"sku": pa.array([17], pa.int32()), "price": pa.array([9], pa.int64())}), tmp_path / "a.parquet"
    )
    pq.write_table(pa.table({"sku": pa.array([18], pa.int64()), "price": [9.5]}), tmp_path / "b.parquet")
    sample = read_sample(open_source(str(tmp_path))).sample
    assert sample.values["sku"] == ["17", "18"]


def test_the_language_is_found_under_html() -> None:
    assert found_languages(["<p>Weiches Kissen aus Leinen f&uuml;r das Sofa</p>"]) == ("de",)
