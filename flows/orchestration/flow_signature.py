"""Flow signature from a pydantic model: one declaration for Prefect's form and its server's checks.

Inputs: a model and a function of it. Outputs: the same function of plain keyword arguments, whose signature carries
the model's types, ranges, titles and descriptions. Prefect makes the form from it, and the server refuses wrong values
before a run exists. What only Python can check is checked by the model itself when the run begins. The command line
makes its options from the same fields (`flows.cli.options`).
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from catalogs.errors import OptionError
from catalogs.rule_files import first_field_error
from infra.log_records import install_safe_log_records
from tasks.runs.error_boundary import one_sentence_errors

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


def parameters_from_pydantic(
    model: type[M], *, required: tuple[str, ...] = ()
) -> Callable[[Callable[[M], R]], Callable[..., R]]:
    """Let a function of a model be called with the model's fields, as Prefect does.

    Fields in `required` are required by forms and deployments; in Python, None stands for the model's default.
    """

    def decorate(function: Callable[[M], R]) -> Callable[..., R]:
        def call(**values: Any) -> R:
            install_safe_log_records()
            with one_sentence_errors():
                return function(_validate(model, values))

        # Not functools.wraps: Prefect would follow `__wrapped__` to the function of one model.
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(call, name, getattr(function, name))
        call.__signature__ = _signature(model, required)  # type: ignore[attr-defined]
        return call

    return decorate


def _validate(model: type[M], values: dict[str, Any]) -> M:
    try:
        return model(**{name: value for name, value in values.items() if value is not PydanticUndefined})
    except ValidationError as error:
        field_error = first_field_error(error)
        raise OptionError(f"{'.'.join(map(str, field_error.path))}: {field_error.message}") from None


def _signature(model: type[BaseModel], required: tuple[str, ...]) -> inspect.Signature:
    parameters = []
    for name, field in model.model_fields.items():
        kind = inspect.Parameter.KEYWORD_ONLY
        annotation = _form_annotation(field, required=name in required)
        if field.metadata:
            annotation = Annotated[annotation, *field.metadata]
        default = _form_default(field, required=name in required or field.is_required())
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
    return inspect.Signature(parameters)


def _form_annotation(field: FieldInfo, *, required: bool) -> Any:
    """Return a field's type; a required one cannot be left empty in the form."""
    if not required:
        return field.annotation
    kinds = [kind for kind in getattr(field.annotation, "__args__", ()) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else field.annotation


def _form_default(field: FieldInfo, *, required: bool) -> Any:
    """Return the pydantic field that carries a parameter's title, description and default to Prefect."""
    schema_extra = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
    if field.title:
        schema_extra["title"] = field.title
    if required:
        return Field(description=field.description, json_schema_extra=schema_extra)
    return Field(field.default, description=field.description, json_schema_extra=schema_extra)
