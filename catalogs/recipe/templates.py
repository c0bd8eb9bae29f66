"""Prompt templates: a small, loop-free part of Jinja over the fields that a recipe names.

Inputs: template text from a recipe, field values from a catalogue (untrusted text). Outputs: one line of prompt.

Templates are limited to an allow-list of syntax, checked when the recipe is loaded: values, `if`, comparisons and a few
filters. Loops, calls, attributes and arithmetic are refused, so no catalogue row can make a template slow or reach
Python. Values are data and are never compiled. What a template can render to is bounded too (`rendered_size`).
"""

import unicodedata
from collections.abc import Collection
from functools import lru_cache
from math import isfinite

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from catalogs.errors import RuleFileError
from catalogs.recipe.option_words import OPTION_KINDS, is_colour, is_material, is_size
from catalogs.recipe.rendered_size import (
    MAX_RENDERED_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    TemplateTooLarge,
    rendered_characters,
)

ALLOWED_FILTERS = frozenset(
    {"capitalize", "default", "first", "int", "last", "length", "lower", "replace", "round", "title", "trim",
     "truncate", "upper"}
)  # fmt: skip
_ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.Filter,
    nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Neg, nodes.Keyword,
)  # fmt: skip
MAX_PROMPT_CHARACTERS = 4_000
"""Longest prompt, in characters: Z-Image reads 512 tokens, and a token seldom has more than eight characters."""


_RENDER_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError)
"""The errors that Jinja's filters and tests raise on unsuitable values (`truncate(1)`, for example, asserts)."""


class PromptRenderError(Exception):
    """A row's prompt cannot be rendered: its template fails on the values, or the result is too long."""


def normalize_prompt(text: str) -> str:
    """Return a prompt in the form that is sent and hashed: NFC, one line, single spaces.

    Raises `PromptRenderError` above `MAX_PROMPT_CHARACTERS`.
    """
    if not text:
        return text
    text = " ".join(text.split())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise PromptRenderError(f"it is {len(text):,} characters long; the limit is {MAX_PROMPT_CHARACTERS:,}")
    return text


def _environment() -> ImmutableSandboxedEnvironment:
    # Prompts are plain text for a text encoder: HTML escaping would change what the model reads.
    environment = ImmutableSandboxedEnvironment(autoescape=False)
    environment.tests.update({"colour": is_colour, "material": is_material, "size": is_size})
    return environment


@lru_cache(maxsize=4096)
def _compile(text: str) -> "TemplateRenderer":
    return TemplateRenderer(text)


def compile_template(text: str, fields: Collection[str], where: str) -> "TemplateRenderer":
    """Compile a template that may use `fields`; `where` names it in errors.

    Raises `RuleFileError` for syntax outside the allow-list and for names that are not fields.
    """
    try:
        renderer = _compile(text)
    except TemplateSyntaxError as error:
        raise RuleFileError(f"{where}: the template does not parse (line {error.lineno}): {error.message}") from None
    except ValueError as error:  # an integer of 5,000 digits
        raise RuleFileError(f"{where}: the template does not parse: {error}") from None
    except RecursionError:
        raise RuleFileError(f"{where}: the template is nested too deeply") from None
    except _DisallowedSyntax as error:
        raise RuleFileError(f"{where}: templates may not use {error}: only values, `if` and simple filters") from None
    except TemplateTooLarge:
        raise RuleFileError(
            f"{where}: with fields of {MAX_VALUE_CHARACTERS:,} characters the template can make a text of more than"
            f" {MAX_RENDERED_CHARACTERS:,}; use fewer fields and `replace` filters"
        ) from None
    except PromptRenderError as error:
        raise RuleFileError(f"{where}: on a row of empty cells, {error}") from None
    unknown = sorted(renderer.fields - set(fields))
    if unknown:
        raise RuleFileError(
            f"{where}: the template uses {', '.join(unknown)}, which the recipe's columns do not name;"
            f" it may use: {', '.join(sorted(fields))}"
        )
    return renderer


class _DisallowedSyntax(Exception):
    pass


class TemplateRenderer:
    """A compiled template, the names of the fields it reads, and the tests of options that it uses."""

    def __init__(self, text: str) -> None:
        environment = _environment()
        tree = environment.parse(text)
        self.fields = frozenset(_collect_field_names(tree))
        self.option_tests = frozenset(node.name for node in tree.find_all(nodes.Test)) & set(OPTION_KINDS)
        rendered_characters(tree)
        self._template = environment.from_string(text)
        self._template.globals = {}  # templates may not use them, and Jinja copies their names for each prompt
        self._constant: str | None = None
        probe = self.render(dict.fromkeys(self.fields, ""))
        if not self.fields:
            self._constant = probe

    def render(self, values: dict[str, str]) -> str:
        """Return the prompt for one row: NFC, one line, single spaces.

        Raises `PromptRenderError`.
        """
        if self._constant is not None:
            return self._constant
        # A shared context saves a copy of the values, which is half the time of `Template.render`, millions of times.
        context = self._template.new_context(values, shared=True)
        try:
            text = "".join(self._template.root_render_func(context))
        except _RENDER_ERRORS as error:
            raise PromptRenderError(f"the template fails: {error}") from None
        return normalize_prompt(text)


def _collect_field_names(node: nodes.Node) -> set[str]:
    if not isinstance(node, _ALLOWED_NODES):
        raise _DisallowedSyntax(f"`{type(node).__name__.lower()}`")
    if isinstance(node, nodes.Filter):
        _check_filter(node)
    if isinstance(node, nodes.Name):
        return {node.name}
    if isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
        raise _DisallowedSyntax("numbers without end")  # Jinja writes 1e999 into its Python as the name `inf`
    names: set[str] = set()
    for child in node.iter_child_nodes():
        names |= _collect_field_names(child)
    return names


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in ALLOWED_FILTERS:
        raise _DisallowedSyntax(f"the filter `{node.name}`")
    if node.dyn_args or node.dyn_kwargs:
        raise _DisallowedSyntax("`*` before an argument")
    arguments = [*node.args[1:], *(keyword.value for keyword in node.kwargs)]
    if node.name == "replace" and not all(isinstance(value, nodes.Const) for value in arguments):
        # Replacing every letter of one field by another field would multiply their lengths.
        raise _DisallowedSyntax("`replace` with a replacement that is not plain text")
