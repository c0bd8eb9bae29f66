"""Reference pages of documents: the recipe's and the policy's fields, and the report's keys."""

import dataclasses
import inspect
import types
import typing
from typing import Any

from markdown_tables import code, sentence, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from catalogs.models.weights import FrozenVersions
from catalogs.policy.scanners import SCORE_MEANINGS, SCORE_SCANNERS
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.report_schema import RunReport


def recipe() -> str:
    """Return the page of the recipe's fields."""
    intro = (
        "# Recipe\n\nA recipe is one YAML file that holds everything that changes the pixels, and how the catalogue's"
        " columns are read. Unknown fields are refused. A file that begins with `extends: default@1` says only what"
        " differs from that built-in recipe; how, and what each part is for, stands in"
        " [your own catalogue](../start/your-own-catalogue.md)."
    )
    return "\n\n".join([intro, *_model_sections(Recipe)])


def policy() -> str:
    """Return the page of the policy's fields."""
    intro = (
        "# Policy\n\nA policy is one YAML file that holds everything that decides: scanners, words, thresholds,"
        " duplicates, the audit. A file that begins with `extends: default` (or `extends: rehearsal`) says only what"
        " differs. The built-in one is `catalogs/data/policy.yaml`; how to change one:"
        " [policies](../guides/policies.md); codes that it writes: [reason codes](reason-codes.md)."
    )
    scores = [(code(score), SCORE_SCANNERS[score] or "always", text) for score, text in SCORE_MEANINGS.items()]
    return "\n\n".join(
        [
            intro,
            *_model_sections(Policy),
            "## Scores\n\nRaw numbers that rules may judge, by the scanner that measures them.",
            table(("score", "scanner", "meaning"), scores),
        ]
    )


def _model_sections(root: type[BaseModel]) -> list[str]:
    sections = []
    for model in _reachable_models(root):
        rows = [field_row(name, field) for name, field in model.model_fields.items()]
        sections.append(f"## {model.__name__}\n\n{sentence(model.__doc__)}")
        sections.append(table(("field", "type", "default", "meaning"), rows))
    return sections


def field_row(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    """Return a pydantic field as a row: name, type, default, meaning."""
    return (
        code(field.alias or name),
        annotation_text(field.annotation, field),
        _field_default(field),
        field.description or "",
    )


def _reachable_models(root: type[BaseModel]) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = []
    queue = [root]
    while queue:
        model = queue.pop(0)
        if model not in models and model is not FrozenVersions:
            models.append(model)
            for field in model.model_fields.values():
                queue += _models_in(field.annotation)
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in typing.get_args(annotation) for model in _models_in(one)]


def annotation_text(annotation: Any, field: FieldInfo | None = None) -> str:
    """Return a type in words, with the limits of its field."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return annotation_text(arguments[0])
    if origin is typing.Literal:
        return " or ".join(str(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(annotation_text(one) for one in arguments if one is not type(None))
    if origin is tuple or origin is list:
        return f"list of {annotation_text(arguments[0])}"
    if origin is dict:
        return f"mapping of {annotation_text(arguments[0])} to {annotation_text(arguments[1])}"
    if annotation is FrozenVersions:
        return "a record of the run"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}
    text = names.get(annotation.__name__, annotation.__name__)
    return text + (f", {limits}" if field is not None and (limits := _limits(field)) else "")


def _limits(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
    return ", ".join(
        f"{word} {value:g}"
        for one in field.metadata
        for name, word in words.items()
        if (value := getattr(one, name, None)) is not None
    )


def _field_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel) or value in ({}, (), ""):
        return ""
    if isinstance(value, dict):
        return ", ".join(code(name) for name in value)
    if isinstance(value, tuple):
        return ", ".join(code(one) for one in value)
    return code(str(value).lower() if isinstance(value, bool) else value)


# The report


def report() -> str:
    """Return the page of the report's keys."""
    parts = [
        "# report.json",
        "`packshot refresh --json` prints this document, and `runs/<run_id>/report.json` holds it; `plan --json` prints"
        " it with `dry_run: true`, where `blocked` and `review` are the prompt gates' counts. A report of an"
        " older version may lack keys. null means: not known.",
    ]
    queue: list[Any] = [RunReport]
    for kind in queue:
        hints = typing.get_type_hints(kind)
        rows = [(code(name), _report_type(hint)) for name, hint in hints.items()]
        parts += [f"## {kind.__name__}\n\n{' '.join(inspect.cleandoc(kind.__doc__ or '').split())}"]
        parts += [table(("key", "type"), rows)]
        queue += [one for hint in hints.values() for one in _dataclasses_in(hint) if one not in queue]
    return "\n\n".join(parts)


def _dataclasses_in(annotation: Any) -> list[Any]:
    if dataclasses.is_dataclass(annotation):
        return [annotation]
    return [kind for one in typing.get_args(annotation) for kind in _dataclasses_in(one)]


def _report_type(annotation: Any) -> str:
    arguments = [one for one in typing.get_args(annotation) if one is not type(None)]
    origin = typing.get_origin(annotation)
    if dataclasses.is_dataclass(annotation):
        name = getattr(annotation, "__name__", "")
        return f"[{name}](#{name.lower()})"
    if origin is not None and len(arguments) == 2 and "Mapping" in str(origin):
        return f"mapping of {_report_type(arguments[0])} to {_report_type(arguments[1])}"
    if origin is not None and "Sequence" in str(origin):
        return f"list of {_report_type(arguments[0])}"
    if arguments:
        return " or ".join(_report_type(one) for one in arguments)
    return annotation_text(annotation)
