"""Command-line options that come from `RefreshParameters` and `SweepParameters`, where each is declared once.

Inputs: the model's fields. Outputs: Typer options of the same names, types, defaults and help texts, each with its
`PACKSHOT_*` environment variable; `flows.orchestration.flow_signature` makes Prefect's form of the same fields. The
model validates all values, so that an option, a variable and a form are refused with the same sentence.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from catalogs.errors import OptionError
from catalogs.rule_files import first_field_error
from flows.parameters import RefreshParameters, SweepParameters

Parameters = TypeVar("Parameters", bound=BaseModel)

ENVIRONMENT_PREFIX = "PACKSHOT_"
ARGUMENTS = ("source",)
"""Fields that are positional arguments; they have no environment variable."""


def sweep_option(name: str) -> Any:
    """Return the Typer option of a field of `SweepParameters`: a flag, or a number whose range the model checks."""
    field = SweepParameters.model_fields[name]
    return typer.Option(f"--{name.replace('_', '-')}", help=field.description)


def option(name: str) -> Any:
    """Return the Typer option of a field, or its argument."""
    field = RefreshParameters.model_fields[name]
    if name in ARGUMENTS:
        return typer.Argument(help=field.description)
    flag = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        return typer.Option(f"{flag}/--no-{flag[2:]}", help=field.description)
    variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
    return typer.Option(flag, envvar=variable, help=field.description, metavar=_metavar(field))


def _choices(field: FieldInfo) -> tuple[Any, ...]:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())


def _metavar(field: FieldInfo) -> str | None:
    choices = _choices(field)
    return f"<{'|'.join(map(str, choices))}>" if choices else None


Source = Annotated[str, option("source")]
Store = Annotated[str, option("store")]
StoreArgument = Annotated[
    str,
    typer.Argument(envvar=f"{ENVIRONMENT_PREFIX}STORE", help=RefreshParameters.model_fields["store"].description),
]
Catalogue = Annotated[str | None, option("catalogue")]
Recipe = Annotated[str, option("recipe")]
Policy = Annotated[str | None, option("policy")]
Model = Annotated[str | None, option("model")]
Precision = Annotated[str | None, option("precision")]
KeepReleases = Annotated[int | None, sweep_option("keep_releases")]
SweepDryRun = Annotated[bool, sweep_option("dry_run")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables")]


def refresh_options(*, exclude: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command all options of `RefreshParameters`: its first parameter is the validated model.

    Its other parameters stay options of its own, after those of the model. Fields in `exclude` keep their defaults.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        names = [name for name in RefreshParameters.model_fields if name not in exclude]

        def command(**values: Any) -> None:
            parameters = parse_parameters(**{name: values.pop(name) for name in names})
            function(parameters, **values)

        # Not functools.wraps: Typer would follow `__wrapped__` to the function of one model.
        for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(command, attribute, getattr(function, attribute))
        own_parameters = list(inspect.signature(function).parameters.values())[1:]
        parameters = [
            *map(_command_parameter, names),
            *(parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own_parameters),
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def parse_parameters(**values: Any) -> RefreshParameters:
    """Return the validated parameters; None selects a field's default. Raises `OptionError` naming the option."""
    return _parse(RefreshParameters, values)


def parse_sweep_parameters(**values: Any) -> SweepParameters:
    """Return the validated parameters of a sweep, likewise."""
    return _parse(SweepParameters, values)


def _parse(model: type[Parameters], values: dict[str, Any]) -> Parameters:
    try:
        return model(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        field_error = first_field_error(error)
        flag = "--" + str(field_error.path[0]).replace("_", "-")
        raise OptionError(f"{flag}: {field_error.message}") from None


def _command_parameter(name: str) -> inspect.Parameter:
    field = RefreshParameters.model_fields[name]
    default = inspect.Parameter.empty if field.is_required() else field.default
    annotation: Any = Annotated[(_plain_type(field), option(name))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain_type(field: FieldInfo) -> Any:
    """Return a field's type without its choices, which the model checks: `str | None` for an optional literal."""
    if get_origin(field.annotation) is list:
        return field.annotation
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)] or [field.annotation]
    literal = _choices(field)
    kind: Any = type(literal[0]) if literal else kinds[0]
    return kind | None if type(None) in get_args(field.annotation) else kind
