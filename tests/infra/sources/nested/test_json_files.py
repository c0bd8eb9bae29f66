"""JSON as shops export it: lists, wrapped lists, objects in a row; what vendors' interfaces answer."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UnreadableSource
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions

ROWS = [{"sku": "00451", "title": "Mug, oat"}, {"sku": "00452", "title": "Cup", "more": {"a": [1]}}]


def opened(folder: Path, content: object, records: str | None = None, name: str = "a.json") -> Source:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(data)
    return open_source(str(folder / name), SourceOptions(records=records))


def rows_of(source: Source, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in source.batches(columns) for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (json.dumps(ROWS).encode(), "JSON, a list of objects"),
        (json.dumps(ROWS, indent=2).encode(), "JSON, a list of objects"),
        (b"\xef\xbb\xbf" + json.dumps(ROWS).encode(), "JSON, a list of objects"),
        (json.dumps({"total": 2, "products": ROWS, "next": None}).encode(), "JSON, the list 'products'"),
        (json.dumps({"data": {"page": {"items": ROWS}}}).encode(), "JSON, the list 'data.page.items'"),
        (b"\n".join(json.dumps(row).encode() for row in ROWS), "JSON, one object after another"),
        (b"".join(json.dumps(row, indent=1).encode() for row in ROWS), "JSON, one object after another"),
    ],
)
def test_the_records_are_found_and_where_they_are_is_said(tmp_path: Path, content: bytes, note: str) -> None:
    source = opened(tmp_path, content)
    assert (source.columns, source.row_count()) == (("sku", "title", "more"), 2)
    assert rows_of(source, "sku", "title") == [("00451", "Mug, oat"), ("00452", "Cup")]
    assert (source.notes, source.warnings) == ((note,), ())


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_other_encodings_are_read_by_their_mark_or_their_name(tmp_path: Path, name: str) -> None:
    rows = [{"sku": "1", "title": "Größe 赤" * 9_000}, {"sku": "2", "title": "b"}]
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    source = opened(tmp_path, lines.encode("utf-16"), name=name)
    assert rows_of(source, "sku", "title") == [("1", "Größe 赤" * 9_000), ("2", "b")]
    (tmp_path / name).write_bytes('[{"sku": "Größe"}]'.encode("cp1252"))
    document = open_source(str(tmp_path / name), SourceOptions(encoding="cp1252", format="json"))
    assert rows_of(document, "sku") == [("Größe",)]
    with pytest.raises(UnreadableSource, match=r"is not shift_jis text; .*, or name its encoding"):
        open_source(str(tmp_path / name), SourceOptions(encoding="shift_jis", format="json"))


def test_a_compressed_document_is_what_it_holds(tmp_path: Path) -> None:
    document = {"head": ["x" * 50_000], "products": ROWS}
    source = opened(tmp_path, gzip.compress(json.dumps(document).encode()), name="a.json.gz")
    assert rows_of(source, "sku", "title") == [("00451", "Mug, oat"), ("00452", "Cup")]
    assert "JSON, the list 'products'" in source.notes


def test_of_several_lists_the_largest_is_read_with_a_warning_and_another_by_name(tmp_path: Path) -> None:
    document = {"bundles": [{"sku": "B"}], "products": ROWS}
    source = opened(tmp_path, document)
    assert rows_of(source, "sku") == [("00451",), ("00452",)]
    assert source.warnings == (
        f"'{tmp_path}/a.json' is read as its largest list, 'products'; if 'bundles' is meant, say so as 'records'",
    )
    for path in ("bundles", "$.bundles[*]", "bundles[]"):
        named = opened(tmp_path, document, path)
        assert (rows_of(named, "sku"), named.warnings) == ([("B",)], ())
    with pytest.raises(UnreadableSource, match=r"no list of objects at 'offers'; it has 'products', 'bundles': corr"):
        opened(tmp_path, document, "offers")


def test_one_object_without_lists_is_one_row(tmp_path: Path) -> None:
    source = opened(tmp_path, {"sku": "1", "tags": ["a"]})
    assert (rows_of(source, "sku", "tags"), source.notes) == ([("1", ["a"])], ("JSON, one object",))
    product = {"sku": "1", "images": [{"src": "x"}]}
    assert rows_of(opened(tmp_path, product, "."), "sku", "images[0].src") == [("1", "x")]


def test_a_folder_of_spark_parts_under_json_is_one_table(tmp_path: Path) -> None:
    for number, row in enumerate(ROWS):
        (tmp_path / f"part-0000{number}.json").write_bytes(json.dumps(row).encode() + b"\n")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert rows_of(open_source(str(tmp_path)), "sku", "more.a") == [("00451", None), ("00452", [1])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"A1": {"t": "a"}, "A2": {"t": "b"}}', r"is one object of objects \('A1', 'A2' …\), which is no list of"),
        (b"[]", "holds a list without objects"),
        (b'[["sku"], ["1"]]', "holds a list without objects"),
        (b"{}", "holds no JSON objects"),
        (b'[{"sku": "1"}', r"ends before its last bracket or string is closed \(cut off\?\)"),
        (b'[{"sku": 1}, {"sku": "x"}, {"sku" 3}]', r"cannot be read as JSON: row 3: Expecting ':' delimiter"),
        (b'[{"sku": 1}, {"sku": "x"}, 5]', "row 3: it is no object but int"),
        (b'[{"sku": 1}, {"sku": "a"}, {"sku": "\\ud800x"}]', "row 3: half a surrogate pair"),
        (b'[{"sku": "1"}, {"sku": "\xff"}]', "is not UTF-8 text"),
        (b'[{"a": ' + b"[" * 70 + b"1" + b"]" * 70 + b"}]", "nested in more than 64 levels"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableSource, match=words):
        opened(tmp_path, content)


WOOCOMMERCE = [
    {
        "id": 11, "name": "Mug", "sku": "M-1", "weight": "", "categories": [{"id": 1, "name": "Kitchen"}],
        "attributes": [{"name": "Color", "options": ["Red", "Blue"]}, {"name": "Size", "options": ["L"]}],
        "meta_data": [{"key": "_x", "value": "1"}, {"key": "_y", "value": {"a": 1}}, {"key": "_z", "value": []}],
    },
    {"id": 12, "name": "Cup", "sku": "M-2", "weight": "1", "categories": [], "attributes": [], "meta_data": []},
]  # fmt: skip


def test_woocommerce_products_of_its_rest_interface(tmp_path: Path) -> None:
    columns = ["sku", "name", "categories.name", "attributes[name=Color].options[0]", "id"]
    assert rows_of(opened(tmp_path, WOOCOMMERCE), *columns) == [
        ("M-1", "Mug", ["Kitchen"], "Red", 11),
        ("M-2", "Cup", [], None, 12),
    ]


def test_what_can_be_read_of_nested_fields_are_paths(tmp_path: Path) -> None:
    source = opened(tmp_path, WOOCOMMERCE)
    assert source.readable[:6] == ("id", "name", "sku", "weight", "categories[0].name", "categories[0].id")
    assert {*source.readable[6:]} >= {"attributes[0].name", "attributes[0].options", "meta_data[0].key"}
    assert [row[:3] for row in rows_of(source, *source.readable)] == [(11, "Mug", "M-1"), (12, "Cup", "M-2")]


def test_magento_products_of_its_rest_interface(tmp_path: Path) -> None:
    attributes = [{"attribute_code": "color", "value": "58"}, {"attribute_code": "category_ids", "value": ["3", "4"]}]
    document = {
        "items": [{"id": 1, "sku": "WS-1", "name": "Tee", "custom_attributes": attributes}],
        "search_criteria": {"filter_groups": []},
        "total_count": 1,
    }
    source = opened(tmp_path, document)
    assert source.notes == ("JSON, the list 'items'",)
    columns = ["sku", "custom_attributes[attribute_code=color].value"]
    assert rows_of(source, *columns) == [("WS-1", ["58"])]


def test_akeneo_products_of_its_rest_interface(tmp_path: Path) -> None:
    values = {"name": [{"locale": "en_US", "data": "Mug"}, {"locale": "de_DE", "data": "Tasse"}]}
    document = {"_links": {"self": {"href": "x"}}, "_embedded": {"items": [{"identifier": "a", "values": values}]}}
    source = opened(tmp_path, document)
    assert rows_of(source, "identifier", "values.name[locale=de_DE].data") == [("a", "Tasse")]


def test_berkeley_objects_keep_their_texts(tmp_path: Path) -> None:
    rows = [
        {"item_id": "B01", "item_name": [{"language_tag": "en_US", "value": "Chair"}], "node": [{"node_id": 3}]},
        {"item_id": "B02", "item_name": [{"language_tag": "fr_FR", "value": "Table"}]},
    ]
    lines = b"\n".join(json.dumps(row).encode() for row in rows)
    for name in ("a.json", "a.jsonl"):
        source = opened(tmp_path, lines, name=name)
        assert rows_of(source, "item_id", "item_name[0].value", "item_name[language_tag=en_US].value") == [
            ("B01", "Chair", "Chair"),
            ("B02", "Table", None),
        ]
