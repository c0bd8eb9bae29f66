"""XML elements as records: names, attributes, repeated elements, mixed text, bounds."""

import io
from typing import Any

import pytest

from infra.sources.nested import xml_events, xml_records
from infra.sources.nested.xml_events import BrokenXml
from infra.sources.nested.xml_records import split_name

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:z="http://base.google.com/ns/1.0"><entry>
<id>tag:1</id><z:id>A</z:id><title>Mug</title><z:title>Mug, red</z:title><media:title xmlns:media="m">x</media:title>
</entry></feed>"""


def records(document: str, *path: str) -> list[dict[str, Any]]:
    return list(xml_records.xml_records(io.BytesIO(document.encode()), path))


def test_names_lose_their_prefix_and_googles_go_first() -> None:
    (record,) = records(ATOM, "feed", "entry")
    assert record == {
        "id": "A", "entry:id": "tag:1", "title": "Mug, red", "entry:title": "Mug", "media:title": "x",
    }  # fmt: skip
    (reversed_order,) = records("<i><g:id>A</g:id><id>b</id><x:id>c</x:id></i>", "i")
    assert reversed_order == {"id": "A", "i:id": "b", "x:id": "c"}
    assert records("<i><dc:title>a</dc:title></i>", "i") == [{"title": "a"}]


def test_repeated_elements_are_lists_and_attributes_have_a_sign() -> None:
    document = '<o><offer id="9"><param name="Color">red</param><param name="Size">L</param><url/></offer></o>'
    assert records(document, "o", "offer") == [
        {
            "@id": "9",
            "param": [{"@name": "Color", "#text": "red"}, {"@name": "Size", "#text": "L"}],
            "url": "",
        }
    ]


def test_text_between_elements_is_kept_whole() -> None:
    (record,) = records("<i><d>a <b>bold</b> c<br/>d</d><s>\n <t>x</t>\n</s></i>", "i")
    assert record["d"] == {"b": "bold", "br": "", "#text": "a bold cd"}
    assert record["s"] == {"t": "x"}


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_only_elements_at_the_path_are_records(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(xml_events, "CHUNK_BYTES", size)
    document = "<s><p><n>0</n></p><ps><p><n>1</n><p><n>in</n></p></p><p><n>2</n></p><p>only text</p></ps></s>"
    assert records(document, "s", "ps", "p") == [{"n": "1", "p": {"n": "in"}}, {"n": "2"}, {"#text": "only text"}]


def test_s7_a_record_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokenXml, match="a record of more than 100,000 elements"):
        records("<i>" + "<a/>" * 100_001 + "</i>", "i")
    monkeypatch.setattr(xml_records, "MAX_RECORD_BYTES", 100_000)
    with pytest.raises(BrokenXml, match="a record of more than 0 MB"):
        records("<i><a>" + "x" * 400_000 + "</a></i>", "i")
    assert records("<s>" + "<i><a>" + "x" * 4_000 + "</a></i>" + "x" * 400_000 + "</s>", "s", "i")


def test_a_name_has_a_prefix_where_both_parts_are_there() -> None:
    names = {"g:id": ("g", "id"), "id": ("", "id"), ":id": ("", "id"), "g:": ("", "g:")}
    assert {name: split_name(name) for name in names} == names
