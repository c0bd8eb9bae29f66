"""The states keep the values that tables and reports hold."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalogs.slot_states import DECIDED_STATES, REPORT_STATES, SlotState
from catalogs.verdict import DECISION_STATES


def test_the_values_are_those_on_disk() -> None:
    assert [state.value for state in DECIDED_STATES] == ["publish", "review", "blocked", "failed", "deferred"]
    assert set(SlotState) - set(DECIDED_STATES) == {"withdrawn", "superseded"}
    assert DECISION_STATES == {"PASS": "publish", "REVIEW": "review", "BLOCK": "blocked"}


def test_a_report_calls_them_by_its_own_keys() -> None:
    assert REPORT_STATES == ("published", "review", "blocked", "failed", "deferred", "superseded")
    assert {type(name) for name in REPORT_STATES} == {str}


@pytest.mark.parametrize("state", SlotState)
def test_a_state_is_plain_text_to_arrow_and_json(state: SlotState) -> None:
    column = pa.Table.from_pylist([{"state": state}], schema=pa.schema([("state", pa.string())]))["state"]
    assert column.to_pylist() == [state.value]
    assert pc.equal(column, state).to_pylist() == [True]
    assert json.loads(json.dumps({state: state})) == {state.value: state.value}
