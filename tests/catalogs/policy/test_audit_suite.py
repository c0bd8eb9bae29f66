"""The audit's suite as data."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.policy.audit_suite import built_in_audit_suite, load_audit_suite
from catalogs.policy.schema import built_in_policy

ENTRY = "{name: slot-known, type: expect_column_values_to_not_be_null, kwargs: {column: slot}}"


def test_the_built_in_policy_names_a_suite_that_is_there() -> None:
    suite = built_in_audit_suite(built_in_policy().audit)
    names = [check.name for check in (*suite.slots, *suite.published, *suite.totals)]
    assert {"slot-unique", "batch-complete", "retired-share", "rows-sum"} <= set(names)


def test_two_checks_of_one_name_are_refused_because_batches_are_released_by_name() -> None:
    with pytest.raises(RuleFileError, match=r"mine\.yaml: two checks have the name 'slot-known'"):
        load_audit_suite(f"{{version: 1, slots: [{ENTRY}], published: [], totals: [{ENTRY}]}}", "mine.yaml")


@pytest.mark.parametrize("change", ["severity: fatal", "type: os.system", "name: Slot Known", "weight: 3"])
def test_an_entry_is_checked_when_it_is_read(change: str) -> None:
    field = change.split(":")[0]
    entry = {"name": "name: a", "type": "type: expect_x", field: change}
    text = f"{{version: 1, slots: [{{{', '.join(entry.values())}}}], published: [], totals: []}}"
    with pytest.raises(RuleFileError, match=rf"mine\.yaml: slots\.0\.{field}: "):
        load_audit_suite(text, "mine.yaml")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("kwargs: {row_condition: '@__import__(1)'}", "slots.0.kwargs: row_condition would be evaluated as code"),
        ("where: {column: a}", "slots.0.where: give either at_least or one_of"),
        ("where: {column: a, at_least: 1, one_of: [b]}", "slots.0.where: give either at_least or one_of"),
        ("where: {column: a, one_of: [b], below: 2}", "slots.0.where: give at_least with below"),
        ("where: {one_of: [b]}", "slots.0.where.column: Field required"),
    ],
)
def test_conditions_are_data_and_never_code(part: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        load_audit_suite(
            f"{{version: 1, slots: [{{name: a, type: expect_x, {part}}}], published: [], totals: []}}", "mine.yaml"
        )
    assert str(caught.value).startswith(f"mine.yaml: {message}")
