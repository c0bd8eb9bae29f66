"""Extending: a recipe file that says only what differs from a built-in recipe.

Inputs: the fields of a file that begins with `extends: default@1`, and those of the recipe that it names. Outputs: the
fields of the whole recipe. The rules:

- mappings merge by key; null takes a key of the built-in recipe out (a column with its mentions in lists of fields);
- `optional`, `html`, `entities` and `placeholders` add to the built-in recipe's; any other list or value replaces it;
- a column that the file maps itself must be in the source, unless the file lists its field as `optional`: a misspelt
  column is an error, and never an empty field;
- a model that names its `source` or `registry` replaces the model of its name, revision and precision included.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

MAX_EXTENDS = 5
"""The most recipes in a row, each extending the next."""

_ADDED_LISTS = ("optional", "html", "entities", "placeholders")
_FIELD_LISTS = ("optional", "html", "entities", "placeholders", "required")
_NAMED_PARTS = ("columns", "models", "tiers", "views", "categories", "variants")
_OTHER_WEIGHTS = {"source", "registry", "family"}


class ExtendingError(Exception):
    """A field of the file does not fit the recipe that it extends. `path` is where the field stands."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        super().__init__(problem)
        self.path = path


def extended(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe: those of `base` with `changes`. Raises `ExtendingError`."""
    for part in _NAMED_PARTS:
        _check_removals(part, base.get(part), changes.get(part))
    fields = _merged(base, changes)
    fields |= {name: _added(base, changes, name) for name in _ADDED_LISTS if name in base or name in changes}
    if isinstance(changes.get("models"), Mapping) and isinstance(base.get("models"), Mapping):
        whole = {name for name, model in changes["models"].items() if _names_weights(model)}
        fields["models"] = fields["models"] | {name: changes["models"][name] for name in whole}
    return _without_mentions(fields, _removed_columns(changes))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(base)
    for name, value in changes.items():
        inherited = base.get(name)
        if value is None:
            fields.pop(name, None)
        elif isinstance(value, Mapping):
            fields[name] = _merged(inherited if isinstance(inherited, Mapping) else {}, value)
        else:
            fields[name] = value
    return fields


def _check_removals(part: str, base: Any, changes: Any) -> None:
    """Refuse to take out what is not there: the name is misspelt, and the one that was meant would stay."""
    if not isinstance(changes, Mapping):
        return
    names = [str(name) for name in base] if isinstance(base, Mapping) else []
    for name, value in changes.items():
        if value is None and str(name) not in names:
            close = get_close_matches(str(name), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names) or 'none'}"
            raise ExtendingError((part, str(name)), f"null takes it out of the recipe that is extended; {hint}")


def _added(base: Mapping[str, Any], changes: Mapping[str, Any], name: str) -> Any:
    """Return a list of fields with the file's own after the inherited ones."""
    own, inherited = changes.get(name, []), base.get(name, [])
    if name in changes and not isinstance(own, list):
        return [] if own is None else own  # null: none; anything else is for the schema to refuse
    if name == "optional" and isinstance(changes.get("columns"), Mapping):
        inherited = [field for field in inherited if field not in changes["columns"]]
    return [*inherited, *(field for field in own if field not in inherited)]


def _names_weights(model: Any) -> bool:
    return isinstance(model, Mapping) and bool(_OTHER_WEIGHTS & model.keys())


def _removed_columns(changes: Mapping[str, Any]) -> list[Any]:
    columns = changes.get("columns")
    return [field for field, column in columns.items() if column is None] if isinstance(columns, Mapping) else []


def _without_mentions(fields: dict[str, Any], removed: Sequence[Any]) -> dict[str, Any]:
    """Return the fields without the mentions of removed columns in lists of fields."""
    if not removed:
        return fields
    lists = {name: fields[name] for name in _FIELD_LISTS if isinstance(fields.get(name), list)}
    fields = fields | {name: [field for field in names if field not in removed] for name, names in lists.items()}
    inherit = fields.get("inherit")
    if isinstance(inherit, Mapping) and isinstance(inherit.get("fields"), list):
        fields["inherit"] = {**inherit, "fields": [field for field in inherit["fields"] if field not in removed]}
    return fields
