"""How a file's letters are written."""

import io

import pytest

from infra.sources.text_tables.text_encodings import CHUNK_BYTES, NotText, TextEncoding, find_encoding


def found(data: bytes, named: str | None = None) -> TextEncoding:
    return find_encoding(io.BytesIO(data), named)


TITLES = {
    "cp1252": ["Größe Küche weiß", "Chaise en chêne huilé", "Cojín de algodón para niño", "Women’s jacket £20", "Café",
               "Cadeira ergonômica, calção", "Stol i bjørk, blåbær"],
    "cp1250": ["Łóżko dębowe, krzesło żółte", "Dřevěná židle, křeslo se stříškou", "Női kabát, őszi fa, űrtartalmú"],
    "cp1251": ["Кружка красная, стол дубовый"],
    "mac_roman": ["Größe Küche weiß"],
    "cp1253": ["Κούπα κόκκινη, τραπέζι από δρυ"],
    "cp1254": ["Meşe masa büyük, kırmızı kupa, çaydanlık"],
    "cp932": ["赤いマグカップ、オーク材のテーブル", "n赤いマグカップv 3.50クッション 00123"],
    "gb18030": ["红色马克杯 大号橡木桌 靠垫"],
    "big5": ["紅色馬克杯 大號橡木桌 搪瓷水壺 折疊椅子"],
    "cp949": ["빨간 머그컵 오크 테이블 대형 쿠션"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "title"), [(name, title) for name, titles in TITLES.items() for title in titles])
def test_letters_outside_utf_8_come_back_by_the_guess(name: str, title: str) -> None:
    data = f"sku;title\n00123;{title}\n00124;{title.upper()}\n".encode(name)
    encoding = found(data)
    assert (encoding.is_guessed, encoding.is_clean) == (True, False)
    assert data.decode(encoding.name) == data.decode(name), encoding.name


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("text", ["sku,title\n1,Mug\n", "sku,title\n1,赤いマグカップ\n", "sku;title\n"])
def test_unicode_is_found_with_and_without_its_mark(name: str, text: str) -> None:
    data = text.encode(name)
    encoding = found(data)
    assert data[encoding.mark_bytes :].decode(encoding.name) == text
    assert not encoding.is_guessed
    assert encoding.is_clean == name.startswith("utf-8")


def test_the_first_foreign_letter_may_stand_far_down() -> None:
    data = b"sku,title\n" + b"1,Mug\n" * CHUNK_BYTES + "2,Größe\n".encode("cp1252")
    assert found(data) == TextEncoding("cp1252", is_guessed=True)


def test_utf_8_with_some_damage_stays_utf_8() -> None:
    assert found("sku,title\n1,Größe\n2,Küche\n".encode() + b"3,\xff\n") == TextEncoding("utf-8")
    assert found("sku,title\n1,Größ".encode()[:-1]) == TextEncoding("utf-8")
    assert found("1,é\n".encode() * CHUNK_BYTES + "2,Größe\n".encode("cp1252") * 5000) == TextEncoding("utf-8")


def test_a_person_is_believed() -> None:
    assert found("sku,Größe\n".encode(), "cp1252") == TextEncoding("cp1252")
    assert found("sku,Größe\n".encode("cp1252"), "utf-8") == TextEncoding("utf-8")
    assert found("sku\n".encode("utf-16"), "utf-16") == TextEncoding("utf-16-le", 2)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(NotText, match="holds binary data"):
        found(b"\x00\x01\xff\x80\n" * 100)


def test_encodings_are_called_as_people_call_them() -> None:
    labels = {name: TextEncoding(name).label for name in ("utf-8", "utf-16-le", "cp1252", "cp932", "euc_jp")}
    assert list(labels.values()) == ["UTF-8", "UTF-16-LE", "windows-1252", "Shift_JIS (windows-932)", "euc-jp"]
