"""The shape of records: which type holds what a path leads to, in bounded memory."""

from typing import Any

import pyarrow as pa
import pytest

from infra.sources.json_fields import TooManyFields
from infra.sources.nested import record_shape
from infra.sources.nested.nested_paths import parse_steps
from infra.sources.nested.record_shape import ShapeLearner, column_type, object_fields, shapes_at


def type_of(path: str, *records: dict[str, Any]) -> pa.DataType:
    learner = ShapeLearner()
    for record in records:
        learner.learn(record)
    steps = parse_steps(path)
    assert steps is not None
    return column_type(*shapes_at(learner.shape, steps))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([2**70], pa.float64()),
        ([10**400], pa.string()),
        ([True], pa.bool_()),
        ([True, 1], pa.string()),
        ([1, "x"], pa.string()),
        ([None], pa.null()),
        ([["a"], "b"], pa.list_(pa.string())),
        ([[1], [2.5]], pa.list_(pa.float64())),
        ([[]], pa.list_(pa.string())),
    ],
)
def test_a_column_has_the_narrowest_type_that_holds_all_values(values: list[Any], kind: pa.DataType) -> None:
    assert type_of(".a", *({"a": value} for value in values)) == kind


def test_paths_end_at_the_shape_that_they_lead_to() -> None:
    record = {"a": [{"b": 1, "c": ["x"]}, {"b": None}], "d": {"@e": "y", "#text": "z"}}
    assert type_of(".a.b", record) == pa.list_(pa.int64())
    assert type_of(".a[0].b", record) == pa.int64()
    assert type_of(".a[b=1].c[0]", record) == pa.string()
    assert type_of(".d.e", record) == pa.string()
    once_and_twice = ({"p": [{"n": "c", "v": "x"}]}, {"p": {"n": "c", "v": "y"}})
    assert type_of(".p[n=c].v", *once_and_twice) == type_of(".p[0].v", *once_and_twice) == pa.string()
    learner = ShapeLearner()
    learner.learn(record)
    assert shapes_at(learner.shape, parse_steps(".a.absent") or ()) == ([], True)
    assert object_fields(shapes_at(learner.shape, parse_steps(".a") or ())[0]) == ["b", "c"]


def test_s7_fields_are_counted_at_all_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_shape, "MAX_FIELDS", 10)
    learner = ShapeLearner()
    learner.learn({"a": {str(number): 1 for number in range(8)}})
    with pytest.raises(TooManyFields, match="its records have more than 10 fields"):
        learner.learn({"b": [{"c": 1}]})
