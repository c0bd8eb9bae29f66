"""XML as a stream: hostile documents are refused before they grow, and every encoding is read that Python knows."""

import io
import time
from pathlib import Path

import pytest

from infra.sources.nested import xml_events
from infra.sources.nested.xml_events import BrokenXml, XmlHandlers, parse_xml


def events(document: bytes) -> list[str]:
    found: list[str] = []
    handlers = XmlHandlers(
        lambda name, attributes: found.append(f"<{name}{''.join(f' {k}={v}' for k, v in attributes.items())}>"),
        found.append,
        lambda name: found.append(f"</{name}>"),
    )
    for _ in parse_xml(io.BytesIO(document), handlers):
        pass
    return found


def test_starts_texts_and_ends_come_in_order() -> None:
    assert events(b'<a b="1">x<![CDATA[<y>]]>&amp;<g:c/></a>') == ["<a b=1>", "x<y>&", "<g:c>", "</g:c>", "</a>"]


def test_names_of_html_are_characters() -> None:
    assert "".join(events(b"<a>x&nbsp;y&eacute;&unknown;</a>")) == "<a>x\xa0yé&unknown;</a>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "shift_jis", "gb18030"])
def test_the_encoding_that_a_document_declares_is_read(encoding: str) -> None:
    text = "Größe" if encoding in {"iso-8859-1", "windows-1252"} else "赤い"
    text = text if encoding not in {"utf-8", "utf-16"} else "Größe 赤い"
    document = f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'.encode(encoding)
    assert "".join(events(document)) == f"<a>{text}</a>"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "says that its encoding is 'klingon', which is unknown"),
        (b'<?xml version="1.0" encoding="hex"?><a/>', "says that its encoding is 'hex', which is unknown"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a>\x81</a>', "has bytes that are not shift_jis"),
        (b"<a><b></a>", "is no well-formed XML: mismatched tag in line 1, column 9"),
        (b"<a>\xff</a>", "is no well-formed XML: not well-formed"),
        (b"", "is no well-formed XML: no element found"),
        (b"<a", "is no well-formed XML: unclosed token"),
    ],
)
def test_what_is_no_xml_says_where(document: bytes, words: str) -> None:
    with pytest.raises(BrokenXml, match=words):
        events(document)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;',
        '<!NOTATION n SYSTEM "x"><!ENTITY a SYSTEM "x" NDATA n>',
    ],
)
def test_s7_entities_are_never_expanded_nor_opened(declaration: str) -> None:
    with pytest.raises(BrokenXml, match="declares entities, which are never expanded here"):
        events(f"<!DOCTYPE x [{declaration}]><x>&a;</x>".encode())


def test_s7_a_declared_document_type_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.dtd"
    secret.write_bytes(b'<!ENTITY a "secret">')
    assert "secret" not in "".join(events(f'<!DOCTYPE x SYSTEM "{secret.as_uri()}"><x>&a;</x>'.encode()))


def test_s7_nesting_names_and_tags_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokenXml, match="nested in more than 32 levels"):
        events(b"<a>" * 1_000_000)
    with pytest.raises(BrokenXml, match="a name of more than 300 characters"):
        events(b"<a><" + b"n" * 301 + b"/></a>")
    monkeypatch.setattr(xml_events, "MAX_TOKEN_BYTES", 100_000)
    for tag in (b"<a b='" + b"x" * 400_000, b"<a><!--" + b"x" * 400_000):
        with pytest.raises(BrokenXml, match="has a tag or comment of more than 0 MB"):
            events(tag)


def test_s7_a_long_namespace_is_not_written_before_each_name() -> None:
    document = (
        b"<a xmlns='" + b"u" * 500_000 + b"'>" + b"".join(b"<b%d/>" % number for number in range(50_000)) + b"</a>"
    )
    started = time.process_time()
    assert sum(map(len, events(document))) < 2_500_000
    assert time.process_time() - started < 10
