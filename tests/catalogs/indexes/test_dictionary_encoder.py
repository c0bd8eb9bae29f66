"""Texts get one number each, whatever batch they come in."""

import pyarrow as pa

from catalogs.indexes.dictionary_encoder import DictionaryEncoder, EncodedColumn, hex_texts


def test_a_text_keeps_its_number_over_batches() -> None:
    encoder = DictionaryEncoder()
    assert encoder.encode(pa.array(["b", "a", "b"])).tolist() == [0, 1, 0]
    assert encoder.encode(pa.array(["c", "a"])).tolist() == [2, 1]
    assert encoder.names == ["b", "a", "c"]


def test_an_empty_batch_adds_nothing() -> None:
    encoder = DictionaryEncoder()
    assert encoder.encode(pa.array([], pa.string())).tolist() == []
    assert encoder.names == []


def test_a_column_with_nulls_has_minus_one_there_and_goes_on_counting() -> None:
    column = EncodedColumn()
    for texts in (["b", None, "a"], [], [None, None], ["a"]):
        column.add(pa.array(texts, pa.string()))
    assert column.positions().tolist() == [0, -1, 1, -1, -1, 1]
    assert column.names == ["b", "a"]
    assert EncodedColumn().positions().tolist() == []


def test_digests_become_texts_and_nulls_stay() -> None:
    digests = [b"\x01\xab", None, b"\x01\xab", b"\xff\x00"]
    assert hex_texts(pa.array(digests, pa.binary())).to_pylist() == ["01ab", None, "01ab", "ff00"]
    assert hex_texts(pa.array([None], pa.binary())).to_pylist() == [None]
