"""A file as UTF-8, from behind its header to a row that marks its end."""

import io

from hypothesis import given
from hypothesis import strategies as st

from infra.sources.text_tables.streams import UNDECODABLE, RowStream, Utf8Stream
from infra.sources.text_tables.text_encodings import TextEncoding


def read_all(stream: RowStream, sizes: list[int]) -> bytes:
    parts = []
    while data := stream.read(sizes[len(parts) % len(sizes)]):
        parts.append(data)
    return b"".join(parts)


@given(st.text(max_size=40), st.integers(0, 20), st.lists(st.integers(1, 9), min_size=1), st.sampled_from(
    ["utf-8", "utf-16-le"]))  # fmt: skip
def test_what_is_read_does_not_depend_on_how_much_is_asked_for(
    text: str, header: int, sizes: list[int], name: str
) -> None:
    text = text.encode("utf-8", "replace").decode()
    encoding = TextEncoding(name, is_clean=name == "utf-8")
    whole = text.encode()
    header = len(whole.decode()[:header].encode())
    stream = RowStream(Utf8Stream(io.BytesIO(text.encode(name)), encoding), header, b"end,,")
    rest = whole[header:]
    expected = rest + (b"" if not rest or rest.endswith((b"\n", b"\r")) else b"\n") + b"end,,\n"
    assert read_all(stream, sizes) == expected


def test_what_cannot_be_decoded_is_marked_and_the_rest_is_kept() -> None:
    stream = Utf8Stream(io.BytesIO(b"\xef\xbb\xbf1,\xff\xfe\n2,\xc3\xa9\n3,\xc3"), TextEncoding("utf-8", 3))
    assert stream.read(1 << 20).decode() == f"1,{UNDECODABLE}{UNDECODABLE}\n2,é\n3,"
    assert stream.read(1 << 20).decode() == UNDECODABLE
    assert stream.read(1 << 20) == b""
