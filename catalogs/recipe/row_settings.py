"""Row settings of a recipe: which rows of a source are products, and which columns of which rows a field is read from.

Inputs: fields of a recipe file. Outputs: frozen, checked values. `catalogs.recipe.schema` checks the names of fields;
`catalogs.ingest` checks the names of columns, for which it needs the source.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from catalogs.recipe.render_settings import RecipeModel

MAX_ALTERNATIVES = 20
"""Columns of one choice."""


def _check_choice(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if not value or len(value) > MAX_ALTERNATIVES or not all(isinstance(one, str) and one for one in value):
            raise ValueError(
                f"name a column, or a list of 1 to {MAX_ALTERNATIVES} columns: the first filled one counts"
            )
        return value[0] if len(value) == 1 else tuple(value)
    if not isinstance(value, str):
        raise ValueError("Input should be a valid string, or a list of them, of which the first filled one counts")
    return value


ColumnChoice = Annotated[str | tuple[str, ...], BeforeValidator(_check_choice)]
"""A source column, or several: for each row the first that is filled; those that the source lacks are passed over."""


def _as_texts(value: Any) -> Any:
    """Return the values of a filter as a source writes them: YAML reads `1` and `true` as other types than text."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("name at least one value; '' stands for rows without one")
    return tuple(_as_text(one) for one in values)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{value!r} is no text or number")


FilterValues = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
"""The values of a column that rows are kept for."""


def alternatives(choice: ColumnChoice) -> tuple[str, ...]:
    """Return the columns of a choice in their order."""
    return (choice,) if isinstance(choice, str) else choice


class InheritRule(RecipeModel):
    """Rows that leave fields empty take them from another row of their product: its first one, or the one they name."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    by: ColumnChoice = Field(description="The column that rows of one product share (Handle), or that names the parent")
    fields: tuple[str, ...] = Field(description="Fields of the recipe that a row takes from there where it has none")
    parent: Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = (
        Field(
            (),
            alias="from",
            description="The columns of the parent's row that `by` refers to, where they are others: SKU; `id:7` there"
            " means 7 in the column ID, and `sku=A|sku=B` in such a column names several rows",
        )
    )
