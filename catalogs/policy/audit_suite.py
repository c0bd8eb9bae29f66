"""The audit's suite: what must be true of a batch before the shop sees it. Data, not code.

Comes in: YAML text. Goes out: a frozen suite of expectations over four frames: `slots`, a row a slot of the batch;
`published`, those of its rows that are to be published; `reasons`, a row a reason that stands against any; `totals`,
one row of the whole run's numbers. `tasks.pipeline.audit` says which columns they have.
"""

from collections import Counter
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules


class RowCondition(StrictModel):
    """Which rows a check is about."""

    column: str = Field(description="The column that tells")
    at_least: float | None = Field(None, description="Rows where it is this or more")
    one_of: tuple[str, ...] | None = Field(None, description="Rows where it is one of these")

    @model_validator(mode="after")
    def _one_way(self) -> "RowCondition":
        if (self.at_least is None) == (self.one_of is None):
            raise ValueError("give either at_least or one_of")
        return self


class Expectation(StrictModel):
    """One check: an expectation of Great Expectations under a name of ours."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="What a held batch is said to be held by")
    type: str = Field(pattern=r"^expect_[a-z_]+$", description="The expectation, as Great Expectations names it")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="Its arguments")
    where: RowCondition | None = Field(None, description="The rows it is about; all of them without it")
    label: str | None = Field(None, description="The column that names a row in what is said of it")
    severity: Literal["critical", "warning"] = Field("critical", description="A failed critical check holds the batch")
    source: str = Field("", description="Why it is asked, and where its numbers come from")

    @field_validator("kwargs")
    @classmethod
    def _no_code(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if {"row_condition", "condition_parser"} & kwargs.keys():
            raise ValueError("row_condition would be run as code; use `where`")
        return kwargs


class AuditSuite(StrictModel):
    """All checks of a batch."""

    version: int = Field(ge=1, description="Counted up by hand")
    slots: tuple[Expectation, ...] = Field(description="Checks over the batch's rows")
    published: tuple[Expectation, ...] = Field(description="Checks over the rows that are to be published")
    reasons: tuple[Expectation, ...] = Field((), description="Checks over the reasons of refusals, a row a reason")
    totals: tuple[Expectation, ...] = Field(description="Checks over the run's numbers, a frame of one row")

    @model_validator(mode="after")
    def _names_differ(self) -> "AuditSuite":
        counts = Counter(
            expectation.name for expectation in (*self.slots, *self.published, *self.reasons, *self.totals)
        )
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ValueError(f"two checks have the name {twice[0]!r}; a batch is released by its checks' names")
        return self


def load_audit_suite(text: str, name: str) -> AuditSuite:
    """Return the suite in a YAML text; `name` is its file in errors. Raises `RuleFileError` naming file and field."""
    return parse_rule_file(text, name, AuditSuite)


def built_in_audit_suite(name: str = "audit") -> AuditSuite:
    """Return a suite that ships with Packshot, by the name that a policy's `audit` gives."""
    return load_audit_suite(read_packaged_rules(name), f"the built-in suite {name}")
