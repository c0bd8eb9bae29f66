"""Which element of a document is its record."""

import io

import pytest

from infra.sources.nested.xml_events import BrokenXml
from infra.sources.nested.xml_outline import RecordElement, find_record_element, spell_element


def found(document: str, records: str | None = None) -> RecordElement:
    return find_record_element(io.BytesIO(document.encode()), records)


PRODUCTS = "<p><sku>1</sku><name>a</name></p><p><sku>2</sku><name>b</name></p>"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("<rss><channel><title>x</title><image><url/><link/></image><item><id>1</id></item></channel></rss>",
         "rss/channel/item"),
        ('<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><id>1</id></entry></feed>', "feed/entry"),
        (f"<shop>{PRODUCTS}</shop>", "shop/p"),
        (f"<e><d><ps>{PRODUCTS}</ps></d></e>", "e/d/ps/p"),
        ('<data><row sku="1" title="a"/><row sku="2" title="b"/></data>', "data/row"),
        ("<yml_catalog><shop><currencies><currency id='EUR' rate='1'/><currency id='USD' rate='2'/></currencies>"
         "<categories><category id='1'>a</category><category id='2'>b</category></categories>"
         "<offers><offer id='9'><name>x</name></offer></offers></shop></yml_catalog>", "yml_catalog/shop/offers/offer"),
        ("<SHOP><SHOPITEM><ITEM_ID>1</ITEM_ID><PARAM><PARAM_NAME/><VAL/></PARAM></SHOPITEM></SHOP>", "SHOP/SHOPITEM"),
        ("<c><product><i><image><u/><v/></image><image><u/><v/></image></i><sku/></product></c>", "c/product"),
        ("<thing><sku>1</sku><name>a</name></thing>", "thing"),
    ],
)  # fmt: skip
def test_the_record_is_what_feeds_call_so_or_what_repeats(document: str, path: str) -> None:
    assert found(document) == RecordElement(tuple(path.split("/")))


def test_other_elements_that_may_be_meant_are_told() -> None:
    document = f"<s><as><a><n/><m/></a><a><n/><m/></a></as><ps>{PRODUCTS.replace('</p>', '<x/></p>')}</ps></s>"
    assert found(document) == RecordElement(("s", "ps", "p"), (("s", "as", "a"),))


@pytest.mark.parametrize("records", ["s/as/a", "as/a", "a", "as.a", "/s/as/a"])
def test_a_record_is_named_by_the_end_of_its_path(records: str) -> None:
    assert found(f"<s><as><a><n/></a></as><ps>{PRODUCTS}</ps></s>", records).path == ("s", "as", "a")


def test_a_path_that_leads_nowhere_names_elements_that_are_there() -> None:
    with pytest.raises(BrokenXml, match=r"has no element 'x/y' \(it has s/p, s/p/sku, .*\): correct 'records'"):
        found(f"<s>{PRODUCTS}</s>", "x/y")


def test_a_document_without_records_says_so() -> None:
    with pytest.raises(BrokenXml, match="no element that could be a record: name it as 'records'"):
        found("<note><to>you</to></note>")


def test_an_element_is_spelled_with_slashes() -> None:
    assert spell_element(("rss", "channel", "item")) == "rss/channel/item"
