"""XML feeds as tables: Google Merchant's two kinds, and feeds of other comparison shops and vendors."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UnreadableSource
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title><link>https://shop.example</link>
<item><g:id>00451</g:id><title>Wool beanie</title><g:description>Warm, 2&quot; &amp; soft</g:description>
 <g:additional_image_link>https://a</g:additional_image_link><g:additional_image_link>https://b</g:additional_image_link>
 <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping></item>
<item><g:id>00452</g:id><title><![CDATA[Pot <b>3 l</b>]]></title><g:gtin>04006381333931</g:gtin></item>
</channel></rss>"""


def opened(folder: Path, *documents: str, records: str | None = None) -> Source:
    for number, document in enumerate(documents):
        (folder / f"{number}.xml").write_text(document, encoding="utf-8")
    return open_source(str(folder), SourceOptions(records=records))


def rows_of(source: Source, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in source.batches(columns) for row in batch.rows.to_pylist()]


def test_a_merchant_feed_is_a_table_by_its_local_names(tmp_path: Path) -> None:
    source = opened(tmp_path, RSS)
    assert source.columns == ("id", "title", "description", "additional_image_link", "shipping", "gtin")
    assert (source.row_count(), source.notes) == (2, ("XML, the elements 'rss/channel/item'",))
    columns = ["id", "title", "description", "additional_image_link", "additional_image_link[1]", "shipping.country"]
    assert rows_of(source, *columns) == [
        ("00451", "Wool beanie", 'Warm, 2" & soft', ["https://a", "https://b"], "https://b", "DE"),
        ("00452", "Pot <b>3 l</b>", None, [], None, None),
    ]


def test_a_compressed_feed_is_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "feed.xml.gz").write_bytes(gzip.compress(RSS.encode()))
    assert rows_of(open_source(str(tmp_path / "feed.xml.gz")), "id") == [("00451",), ("00452",)]


def test_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    source = opened(tmp_path, RSS, RSS.replace("0045", "0055").replace("<title>Wool", "<g:color>red</g:color><title>W"))
    assert rows_of(source, "id", "color") == [
        ("00451", None), ("00452", None), ("00551", "red"), ("00552", None),
    ]  # fmt: skip


def test_a_heureka_feed_has_parameters_by_name(tmp_path: Path) -> None:
    document = (
        "<SHOP><SHOPITEM><ITEM_ID>7</ITEM_ID><PRODUCTNAME>Hrnek</PRODUCTNAME><PARAM><PARAM_NAME>Barva</PARAM_NAME>"
        "<VAL>červená</VAL></PARAM><PARAM><PARAM_NAME>Objem</PARAM_NAME><VAL>0,3 l</VAL></PARAM></SHOPITEM></SHOP>"
    )
    columns = ["ITEM_ID", "PRODUCTNAME", "PARAM[PARAM_NAME=Barva].VAL", "PARAM.VAL"]
    assert rows_of(opened(tmp_path, document), *columns) == [("7", "Hrnek", "červená", ["červená", "0,3 l"])]


def test_a_yandex_feed_has_its_names_in_attributes(tmp_path: Path) -> None:
    document = (
        "<yml_catalog><shop><categories><category id='1'>Посуда</category><category id='2'>Чай</category></categories>"
        "<offers><offer id='A-1' available='true'><name>Кружка</name><categoryId>1</categoryId>"
        "<param name='Цвет'>красный</param></offer></offers></shop></yml_catalog>"
    )
    source = opened(tmp_path, document)
    assert rows_of(source, "id", "@id", "name", "param[name=Цвет]") == [("A-1", "A-1", "Кружка", "красный")]


def test_a_prestashop_answer_has_names_by_language(tmp_path: Path) -> None:
    document = (
        "<prestashop xmlns:xlink='http://www.w3.org/1999/xlink'><products><product><id><![CDATA[1]]></id>"
        "<reference>demo_1</reference><name><language id='1' xlink:href='x'><![CDATA[T-shirt]]></language>"
        "<language id='2'><![CDATA[Maglietta]]></language></name></product></products></prestashop>"
    )
    columns = ["reference", "name.language[id=2]", "name.language[0]"]
    assert rows_of(opened(tmp_path, document), *columns) == [("demo_1", "Maglietta", "T-shirt")]


def test_another_element_is_the_record_where_it_is_named(tmp_path: Path) -> None:
    document = "<s><as><a><n>1</n><m/></a><a><n>2</n><m/></a></as><ps><p><n>3</n><m/></p><p><n>4</n><m/></p></ps></s>"
    source = opened(tmp_path, document)
    assert len(source.warnings) == 1
    assert "if 's/ps/p' is meant, say so as 'records'" in source.warnings[0]
    named = opened(tmp_path, document, records="ps/p")
    assert (rows_of(named, "n"), named.warnings) == ([("3",), ("4",)], ())


def test_a_broken_feed_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"0\.xml' is no well-formed XML: mismatched tag in line 7, column 3; "):
        opened(tmp_path, RSS.replace("</channel>", "</chanel>"))
