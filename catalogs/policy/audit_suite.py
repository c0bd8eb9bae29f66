"""The audit suite: expectations that a batch must meet before it is released, as data.

Inputs: YAML text. Outputs: a frozen `AuditSuite` of expectations over four data frames: `slots`, one row for each slot
of the batch; `published`, those of its rows that are to be published; `reasons`, one row for each reason of a refusal;
`totals`, one row with the run's numbers. `tasks.pipeline.audit` defines their columns.

A suite holds no code: row conditions are written as `where`, since Great Expectations evaluates `row_condition`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules


class RowCondition(StrictModel):
    """The rows that a check covers."""

    column: str = Field(description="The column to test")
    at_least: float | None = Field(None, description="Rows whose value is this or more")
    below: float | None = Field(None, description="With `at_least`: rows whose value is less than this")
    one_of: tuple[str, ...] | None = Field(None, description="Rows whose value is one of these")

    @model_validator(mode="after")
    def _one_way(self) -> "RowCondition":
        if (self.at_least is None) == (self.one_of is None):
            raise ValueError("give either at_least or one_of")
        if self.below is not None and self.at_least is None:
            raise ValueError("give at_least with below")
        return self

    def covers(self, totals: Mapping[str, float]) -> bool:
        """Tell whether the one row of the totals is covered; a condition on names covers no number."""
        value = totals[self.column]
        return self.at_least is not None and self.at_least <= value < (
            float("inf") if self.below is None else self.below
        )


class Expectation(StrictModel):
    """One check: an expectation of Great Expectations under a name of the suite's."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="The check's name, which a held batch is reported with")
    type: str = Field(pattern=r"^expect_[a-z_]+$", description="The expectation, as Great Expectations names it")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="Its arguments")
    where: RowCondition | None = Field(None, description="The rows that it covers; all of them without it")
    label: str | None = Field(None, description="The column that identifies a row in messages")
    severity: Literal["critical", "warning"] = Field("critical", description="A failed critical check holds the batch")
    source: str = Field("", description="Why the check exists, and where its numbers come from")
    sentence: str = Field("", description="What a failed check of the totals says, with their numbers in braces")

    @field_validator("kwargs")
    @classmethod
    def _no_code(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if {"row_condition", "condition_parser"} & kwargs.keys():
            raise ValueError("row_condition would be evaluated as code; use `where`")
        return kwargs

    def is_beyond(self, totals: Mapping[str, float]) -> bool:
        """Tell whether the totals are beyond the limits of a check that compares one of their numbers with two."""
        value = totals[self.kwargs["column"]]
        lowest, highest = self.kwargs.get("min_value"), self.kwargs.get("max_value")
        return (lowest is not None and value < lowest) or (highest is not None and value > highest)


class AuditSuite(StrictModel):
    """All checks of a batch."""

    version: int = Field(ge=1, description="Increased by hand")
    slots: tuple[Expectation, ...] = Field(description="Checks over the batch's rows")
    published: tuple[Expectation, ...] = Field(description="Checks over the rows that are to be published")
    reasons: tuple[Expectation, ...] = Field(
        (), description="Checks over the reasons of refusals, one row for each reason"
    )
    totals: tuple[Expectation, ...] = Field(description="Checks over the run's numbers, a frame of one row")

    @model_validator(mode="after")
    def _names_differ(self) -> "AuditSuite":
        counts = Counter(
            expectation.name for expectation in (*self.slots, *self.published, *self.reasons, *self.totals)
        )
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ValueError(
                f"two checks have the name {twice[0]!r}; rename one, since a held batch is released by names"
            )
        return self

    def foresee_held(self, totals: Mapping[str, float]) -> dict[str, tuple[float, str]]:
        """Return the checks that hold any batch of these totals, before there is one: name -> the number, a sentence.

        They compare a number of the totals with a limit; those whose number is not known yet are left out.
        """
        return {
            check.name: (totals[check.kwargs["column"]], check.sentence.format_map(totals))
            for check in self.totals
            if check.sentence and check.severity == "critical" and check.kwargs["column"] in totals
            if (check.where is None or check.where.covers(totals)) and check.is_beyond(totals)
        }


def load_audit_suite(text: str, name: str) -> AuditSuite:
    """Return the suite in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field."""
    return parse_rule_file(text, name, AuditSuite)


def built_in_audit_suite(name: str = "audit") -> AuditSuite:
    """Return a packaged suite, by the name that a policy's `audit` gives."""
    return load_audit_suite(read_packaged_rules(name), f"the built-in suite {name}")
