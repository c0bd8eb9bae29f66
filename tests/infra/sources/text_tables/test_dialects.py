"""How a text table is written, found out from its beginning."""

import pytest

from infra.sources.text_tables.dialects import DOUBLED, ESCAPED, LITERAL, Dialect, find_dialect


def found(text: str, **said: object) -> Dialect:
    dialect = find_dialect(text, **{"is_whole": True, **said})
    assert dialect is not None
    return dialect


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("sku;title;price\n1;Mug;3,50\n2;Pot;4,00\n", ";"),
        ('sku;title\n1;"Mug; red, tall"\n2;"Pot, blue"\n', ";"),
        ("sku,title\n1,a;b\n2,c;d\n", ","),
        ("sku|title|tags\n1|Mug|a,b,c\n2|Pot|d,e,f\n", "|"),
        ("id\ttitle\tprice\n1\tMug, red; tall\t3,50\n", "\t"),
        ("sku\n1\n2\n", ","),
        ("sku,title,category\n1,Mug,Home;Garden|Kitchen\n2,Pot,Home;Garden|Kitchen\n", ","),
        ("sku,title\n" + "1,a, b, c, d\n" * 3 + "2,Mug\n" * 2, ","),
        ("sep=;\nsku;title\n1;Mug\n", ";"),
        ("sep=é\nsku;title;kind\n1;Mug;x\n", ";"),
        ("SEP=|\r\nsku|title,x\r\n1|Mug,y\r\n", "|"),
        ("Artikel-Nr.;Größe, Farbe;Preis\n1;S, rot;3,50\n2;M, blau;4,50\n3;L;4\n", ";"),
    ],
)
def test_the_separator_is_the_one_under_which_rows_are_as_wide_as_the_header(text: str, separator: str) -> None:
    assert found(text).separator == separator


@pytest.mark.parametrize(
    ("text", "row", "header"),
    [
        ("sku,title\n1,Mug\n", 1, ("sku", "title")),
        ("Products of ACME\nsku,title,price\n1,Mug,2\n2,Pot,3\n", 2, ("sku", "title", "price")),
        ("Products,,\nMade on,2026-01-02,\n,,\nsku,title,price,brand,kind\n" + "1,Mug,2,x,y\n" * 3, 4,
         ("sku", "title", "price", "brand", "kind")),
        ('"Two\nlines",,\n\nsku,title,price\n1,Mug,2\n', 3, ("sku", "title", "price")),
        ("\n\nsku,title\n1,Mug\n", 3, ("sku", "title")),
        (",sku,title\n0,1,Mug\n", 1, ("", "sku", "title")),
        ("sku,title,,\n1,Mug,,\n", 1, ("sku", "title", "", "")),
        ("sku,title\n1,Mug,,\n2,Pot,,\n", 1, ("sku", "title", "", "")),
        ("sku,title,color,size\n1,,,\n2,,,\n3,,,\n", 1, ("sku", "title", "color", "size")),
        ("\ufeff sku ,\u00a0title\n1,Mug\n", 1, ("sku", "title")),
    ],
)  # fmt: skip
def test_the_header_is_the_first_row_that_is_filled_as_rows_are(text: str, row: int, header: tuple[str, ...]) -> None:
    dialect = found(text)
    assert (dialect.header_row, dialect.header) == (row, header)
    assert text[: dialect.header_end].endswith(("\n", "\r\n"))


@pytest.mark.parametrize(
    ("text", "quoting"),
    [
        ('sku,title\n1,"Mug, ""red"""\n', DOUBLED),
        ('sku,title\n1,"7\\" shelf, oak"\n2,"Mug"\n', ESCAPED),
        ('sku\ttitle\n1\t"Classic" pot\n2\t5" pipe\n', LITERAL),
        ('sku\ttitle\n1\t5" pipe\n2\tMug\n', DOUBLED),
        ('sku,title\n1,"Classic" pot\n2,"Mug, red"\n3,"Pot, blue"\n', DOUBLED),
    ],
)
def test_quotes_are_letters_where_they_quote_nothing(text: str, quoting: object) -> None:
    assert found(text).quoting == quoting


def test_a_text_that_is_cut_off_is_judged_by_its_whole_rows() -> None:
    text = 'sku,title\n1,"Mug, red"\n2,"Pot'
    assert found(text, is_whole=False).quoting == DOUBLED
    assert found('sku,title\n1,"Mug', is_whole=False).header == ("sku", "title")
    assert find_dialect("sku,ti", is_whole=False) is None


def test_what_a_person_says_is_not_found_out() -> None:
    text = "a;b\nc,d\n1,2\n"
    assert found(text, separator=",", header_row=2).header == ("c", "d")
    assert find_dialect(text, is_whole=True, header_row=9) is None
    assert find_dialect("", is_whole=True) is None
