"""Rule files: read recipes, policies, price lists and audit suites from YAML into pydantic models.

Inputs: text, the file's name, a pydantic model. Outputs: the checked model, or a `RuleFileError` that names the file
and the field. A key that is written twice is an error: in plain YAML the second one replaces the first silently, and a
whole list of banned words could vanish.
"""

from collections.abc import Hashable, Mapping
from importlib import resources
from typing import Any, NamedTuple, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from catalogs.errors import RuleFileError


class StrictModel(BaseModel):
    """A frozen set of fields that refuses unknown ones; defaults are validated like written values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy that computes its cached properties anew: pydantic copies the digest of the original too."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(copied).model_fields.keys():
            del copied.__dict__[name]
        return copied


RuleModel = TypeVar("RuleModel", bound=BaseModel)

MAX_FILE_CHARACTERS = 4_000_000
"""Characters of a rule file: a list of 100,000 brands has two million."""

MAX_VALUES = 500_000
"""Values of a rule file, each counted wherever an alias or a merge key repeats it."""

_MAX_NUMBER_CHARACTERS = 100  # `1:1:1` is a number to base 60, and slow to read where it is long
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class _BoundedLoader(yaml.SafeLoader):
    """YAML's safe loader, which refuses duplicate keys, and what grows out of proportion by merge keys and numbers."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._merged_pairs = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self._merged_pairs += len(node.value)
        if self._merged_pairs > MAX_VALUES:
            problem = f"merge keys (<<) repeat more than {MAX_VALUES:,} values"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in _NUMBERS and len(node.value) > _MAX_NUMBER_CHARACTERS:
            raise yaml.constructor.ConstructorError(None, None, "a number is too long", node.start_mark)
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_rule_file(text: str, name: str, model: type[RuleModel]) -> RuleModel:
    """Return the rules in a YAML text as `model`; `name` is the file in errors. Raises `RuleFileError`."""
    return validate_rules(parse_yaml_mapping(text, name), name, model)


def parse_yaml_mapping(text: str, name: str) -> dict[str, Any]:
    """Return the fields that a YAML text holds, unchecked. Raises `RuleFileError`."""
    if len(text) > MAX_FILE_CHARACTERS:
        raise RuleFileError(f"{name}: it has {len(text):,} characters; at most {MAX_FILE_CHARACTERS:,} are read")
    try:
        content = yaml.load(text, Loader=_BoundedLoader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-45
        raise RuleFileError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    except (AttributeError, LookupError, TypeError, ArithmeticError):  # PyYAML's own, of `!!timestamp x` or `!!int ""`
        raise RuleFileError(f"{name}: not YAML: a value does not fit the tag that stands before it") from None
    except RecursionError:
        raise RuleFileError(f"{name}: not YAML: it is nested too deeply") from None
    except MemoryError:
        raise RuleFileError(f"{name}: it cannot be read in the memory that is left here") from None
    if not isinstance(content, dict):
        raise RuleFileError(f"{name}: the file must hold a mapping of fields; this is a {type(content).__name__}")
    if _value_count(content, {}) > MAX_VALUES:
        raise RuleFileError(f"{name}: aliases (*name) repeat more than {MAX_VALUES:,} values; write fewer of them")
    return content


def _value_count(value: Any, known: dict[int, int]) -> int:
    """Return how many values a document has where each alias is written out; `known` holds those counted before.

    A value inside itself, which only an alias can make, counts as more than are read.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MAX_VALUES + 1
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_value_count(part, known) for part in parts)
    return known[id(value)]


def validate_rules(content: dict[str, Any], name: str, model: type[RuleModel]) -> RuleModel:
    """Return fields as `model`; `name` is their file in errors. Raises `RuleFileError`."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise RuleFileError(f"{name}: {first_validation_error(error)}") from None


class FieldError(NamedTuple):
    """One problem that pydantic found: the path of the field, what is wrong with it, and the value it had."""

    path: tuple[int | str, ...]
    message: str
    value: object


def first_field_error(error: ValidationError) -> FieldError:
    """Return the first problem of a validation error, without pydantic's own prefix."""
    first = error.errors(include_url=False)[0]
    return FieldError(first["loc"], first["msg"].removeprefix("Value error, "), first["input"])


def first_validation_error(error: ValidationError) -> str:
    """Return the first problem as one sentence: the field, then what is wrong with it."""
    first = first_field_error(error)
    field = ".".join(map(str, first.path))
    return f"{field}: {first.message}" if field else first.message


def read_packaged_rules(name: str) -> str:
    """Return the text of `catalogs/data/<name>.yaml`. Raises `RuleFileError` if there is no such file."""
    file = resources.files("catalogs") / "data" / f"{name}.yaml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        raise RuleFileError(f"There are no built-in rules named {name!r}.")
    return file.read_text("utf-8")
