"""Error classes: exit codes, the retry policy's flag, one-line messages, and what stands outside the two trees."""

import ast
import builtins
import inspect
from pathlib import Path

from catalogs import errors as input_errors
from catalogs.errors import InputError
from infra import errors as external_errors
from infra.errors import (
    MAX_ONE_LINE_CHARACTERS,
    CommitConflict,
    CutterUnusable,
    ExternalError,
    IntegrityKeyError,
    InvalidStoreAddress,
    ProvenanceConfigError,
    TableUnavailable,
    UnreadableSource,
    one_line,
)

ROOT = Path(__file__).parents[2]


def _is_builtin_exception(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return inspect.isclass(kind) and issubclass(kind, BaseException)


def test_every_error_knows_its_exit_code() -> None:
    correctable = {CutterUnusable, IntegrityKeyError, InvalidStoreAddress, ProvenanceConfigError, UnreadableSource}
    classes = {value for value in vars(external_errors).values() if inspect.isclass(value)}
    assert {kind for kind in classes if kind.exit_code == 2} == correctable
    assert {kind.exit_code for kind in classes - correctable} == {3}
    assert InputError.exit_code == 2


def test_only_an_unavailable_table_is_transient() -> None:
    assert TableUnavailable.transient
    assert not CommitConflict.transient
    assert not ExternalError.transient


def test_exceptions_outside_the_two_trees_are_listed_with_a_reason() -> None:
    documented = f"{input_errors.__doc__}{external_errors.__doc__}"
    outside = [
        node.name
        for room in ("catalogs", "infra", "tasks", "flows")
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and any(_is_builtin_exception(ast.unparse(base)) for base in node.bases)
    ]
    assert outside
    assert [name for name in outside if name not in documented] == []


def test_a_message_is_put_on_one_line() -> None:
    assert one_line("  the row\n\tis   damaged ") == "the row is damaged"


def test_a_long_message_is_shortened() -> None:
    assert one_line("x" * MAX_ONE_LINE_CHARACTERS) == "x" * MAX_ONE_LINE_CHARACTERS
    assert one_line("x" * 1_000_000, 10) == "x" * 10 + " …"


def test_an_exception_without_a_message_is_named_by_its_class() -> None:
    assert one_line(TimeoutError()) == "TimeoutError"
    assert one_line("") == ""
