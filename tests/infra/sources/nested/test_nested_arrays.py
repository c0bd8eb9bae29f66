"""Paths into Arrow's structs, lists and maps; the same answers as paths into Python's values."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources.nested.nested_arrays import require_plain, type_at, values_at
from infra.sources.nested.nested_paths import Step, parse_steps
from infra.sources.nested.nested_values import scalars_of, value_at


def steps_of(text: str) -> tuple[Step, ...]:
    steps = parse_steps(text)
    assert steps is not None
    return steps


def found(array: Any, path: str) -> list[Any]:
    steps = steps_of(path)
    values = values_at(array, steps)
    values.validate(full=True)
    assert values.type == type_at(array.type, steps)
    return list(values.to_pylist())


NAMES = pa.array(
    [
        [{"tag": "en", "value": "Sofa"}, {"tag": "es", "value": "Sofá"}],
        None,
        [],
        [{"tag": "es", "value": None}, {"tag": "fr", "value": "Canapé"}],
    ]
)


def test_an_index_a_name_and_a_match_reach_into_lists_of_objects() -> None:
    assert found(NAMES, "[0].value") == ["Sofa", None, None, None]
    assert found(NAMES, "[-1].value") == ["Sofá", None, None, "Canapé"]
    assert found(NAMES, "[7].value") == [None] * 4
    assert found(NAMES, ".value") == [["Sofa", "Sofá"], None, [], ["Canapé"]]
    assert found(NAMES, "[tag=fr].value") == [None, None, None, "Canapé"]
    assert found(NAMES, "[tag=es].value") == ["Sofá", None, None, None]


def test_structs_and_maps_are_entered_by_name() -> None:
    structs = pa.array([{"name": "a", "id": 1}, None, {"name": None, "id": 2}])
    assert found(structs, ".name") == ["a", None, None]
    assert found(structs, "[id=2].id") == [None, None, 2]
    maps = pa.array([[("k", "v")], None, [], [("a", "1"), ("k", "2")]], pa.map_(pa.string(), pa.string()))
    assert found(maps, ".k") == ["v", None, None, "2"]


def test_lists_in_lists_are_one_list() -> None:
    nested = pa.array([{"a": [{"b": ["x", "y"]}, {"b": None}, {"b": ["z"]}]}, None, {"a": []}])
    assert found(nested, ".a.b") == [["x", "y", "z"], None, []]
    assert found(nested, ".a.b[2]") == ["z", None, None]
    assert found(nested, ".a[0].b[1]") == ["y", None, None]


def test_fixed_size_and_wide_lists_are_lists() -> None:
    values = [[{"v": 1}, {"v": 2}], None, [{"v": 3}, {"v": 4}]]
    inner = pa.struct([("v", pa.int64())])
    for kind in (pa.list_(inner, 2), pa.large_list(inner)):
        assert found(pa.array(values, kind), "[1].v") == [2, None, 4]


def test_text_in_dictionaries_stays_there() -> None:
    texts = pa.array(["red", "blue"]).dictionary_encode()
    array = pa.StructArray.from_arrays([texts], ["color"])
    values = values_at(array, steps_of(".color"))
    assert pa.types.is_dictionary(values.type)
    assert values.to_pylist() == ["red", "blue"]


def test_what_no_row_can_have_has_no_type() -> None:
    assert type_at(NAMES.type, steps_of(".absent")) is None
    assert type_at(NAMES.type, steps_of("[absent=1].value")) is None
    assert type_at(pa.string(), steps_of(".a")) is None


def test_a_column_of_objects_is_refused_with_paths_that_work() -> None:
    kind = pa.list_(pa.struct([("tag", pa.string()), ("value", pa.string())]))
    words = r"'item_name' of x holds list<.*such as 'item_name\[0\]\.value', 'item_name\[0\]\.tag'\."
    with pytest.raises(UnreadableSource, match=words):
        require_plain("item_name", kind, "x")
    require_plain("views", pa.list_(pa.string()), "x")


ROW = st.none() | st.fixed_dictionaries(
    {
        "one": st.none() | st.fixed_dictionaries({"t": st.none() | st.sampled_from(["x", "y", ""])}),
        "many": st.none()
        | st.lists(
            st.none()
            | st.fixed_dictionaries(
                {
                    "k": st.none() | st.sampled_from(["a", "b"]),
                    "n": st.none() | st.integers(0, 3),
                    "in": st.none() | st.lists(st.none() | st.sampled_from(["p", "q"]), max_size=3),
                }
            ),
            max_size=3,
        ),
    }
)
KIND = pa.struct(
    [
        ("one", pa.struct([("t", pa.string())])),
        (
            "many",
            pa.list_(pa.struct([("k", pa.string()), ("n", pa.int64()), ("in", pa.list_(pa.string()))])),
        ),
    ]
)
PATHS = (
    ".one.t", ".many.k", ".many[0].k", ".many[-1].n", ".many[1].in", ".many.in", ".many.in[0]", ".many[k=a].n",
    ".many[k=b].in[-1]", ".one[0].t", ".many[n=2].k", ".many[5].k",
)  # fmt: skip


@given(st.lists(ROW, min_size=1, max_size=6), st.sampled_from(PATHS), st.integers(0, 2))
def test_arrow_and_python_find_the_same(rows: list[Any], path: str, start: int) -> None:
    array = pa.array(rows, KIND).slice(start)
    expected = [list(scalars_of(value_at(row, steps_of(path)))) for row in rows[start:]]
    values = found(array, path) if len(array) else []
    assert [list(scalars_of(value)) for value in values] == expected
