"""Texts get one number each, whatever batch they come in."""

import pyarrow as pa

from catalogs.indexes.dictionary_encoder import DictionaryEncoder


def test_a_text_keeps_its_number_over_batches() -> None:
    encoder = DictionaryEncoder()
    assert encoder.encode(pa.array(["b", "a", "b"])).tolist() == [0, 1, 0]
    assert encoder.encode(pa.array(["c", "a"])).tolist() == [2, 1]
    assert encoder.names == ["b", "a", "c"]


def test_an_empty_batch_adds_nothing() -> None:
    encoder = DictionaryEncoder()
    assert encoder.encode(pa.array([], pa.string())).tolist() == []
    assert encoder.names == []
