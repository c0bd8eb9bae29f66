"""A template may place values and choose between texts; a value is never more than text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import RuleFileError
from catalogs.recipe.templates import MAX_PROMPT_CHARACTERS, PromptRenderError, compile_template, normalize_prompt

FIELDS = ("title", "color", "seed", "view", "phrase", "variant")


def rendered(template: str, **values: str) -> str:
    return compile_template(template, FIELDS, "defaults.template").render(dict.fromkeys(FIELDS, "") | values)


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("Photo of {{ title }}", "Photo of Mug"),
        ("{{ title | upper }} {{ title | lower }} {{ title | length }}", "MUG mug 3"),
        ("{% if color %}{{ color }}{% else %}plain{% endif %}", "plain"),
        ("{{ 'red' if title == 'Mug' and not color else 'blue' }}", "red"),
        ("{{ title ~ '!' }}  \n {{ phrase }}", "Mug! from above"),
        ("{{ title | replace('M', 'B') | default('x') | trim | truncate(9) }}", "Bug"),
        ("{{ seed | int }} {{ color | default('any', true) }}", "0 any"),
        ("{% if 'u' in title %}{{ title | first }}{{ title | last }}{% endif %}", "Mg"),
        ("{% if title is defined %}{{ title | title | capitalize }}{% endif %}", "Mug"),
        ("a constant  prompt", "a constant prompt"),
        ("{# said to nobody #}{% raw %}{{ title }}{% endraw %}", "{{ title }}"),
    ],
)
def test_what_a_template_may_do(template: str, prompt: str) -> None:
    assert rendered(template, title="Mug", phrase="from above") == prompt


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for letter in title %}x{% endfor %}", "may not use `for`"),
        ("{{ title | truncate(1e999) }}", "may not use numbers without end"),
        ("{{ title | truncate(" + "9" * 5000 + ") }}", "the template does not parse: Exceeds the limit"),
        ("{{ title.__class__ }}", "may not use `getattr`"),
        ("{{ title['x'] }}", "may not use `getitem`"),
        ("{{ title[0:2] }}", "may not use `getitem`"),
        ("{{ title() }}", "may not use `call`"),
        ("{{ range(10) }}", "may not use `call`"),
        ("{{ 7 * 7 }}", "may not use `mul`"),
        ("{{ 'x' ** 99 }}", "may not use `pow`"),
        ("{{ 1 + 1 }}", "may not use `add`"),
        ("{{ '%s' % title }}", "may not use `mod`"),
        ("{{ [title] }}", "may not use `list`"),
        ("{{ {'a': 1} }}", "may not use `dict`"),
        ("{% set x = 1 %}", "may not use `assign`"),
        ("{% macro m() %}{% endmacro %}", "may not use `macro`"),
        ("{% include 'x' %}", "may not use `include`"),
        ("{% import 'x' as y %}", "may not use `import`"),
        ("{% from 'x' import y %}", "may not use `fromimport`"),
        ("{% extends 'x' %}", "may not use `extends`"),
        ("{% block b %}{% endblock %}", "may not use `block`"),
        ("{% filter upper %}x{% endfilter %}", "may not use `filterblock`"),
        ("{% with %}{% endwith %}", "may not use `with`"),
        ("{% call title() %}{% endcall %}", "may not use `callblock`"),
        ("{{ title | attr('x') }}", "may not use the filter `attr`"),
        ("{{ title | map('x') }}", "may not use the filter `map`"),
        ("{{ title | center(99999999) }}", "may not use the filter `center`"),
        ("{{ title | nonsense }}", "may not use the filter `nonsense`"),
        ("{{ title | truncate(*seed) }}", "may not use `*` before an argument"),
        ("{{ title | replace(color, title) }}", "may not use `replace` with a replacement that is not plain text"),
        ("{{ title | replace('', new=title) }}", "may not use `replace` with a replacement that is not plain text"),
        ("{{ tilte }}", "uses tilte, which the recipe's columns do not name; it may use: color, phrase, seed, title"),
        ("{{ self }} {{ loop }}", "uses loop, self, which"),
        ("{% if title %}", "does not parse (line 1): Unexpected end of template"),
        ("a\n{{ title", "does not parse (line 2): "),
        ("{{ title is nonsense }}", "does not parse (line 1): No test named 'nonsense'"),
        ("{{ " + "(" * 3000 + "title" + ")" * 3000 + " }}", "is nested too deeply"),
        ("{{ 'long' | truncate(1) }}", "on a row of empty cells, the template fails: expected length >= 3, got 1"),
        ("{{ title | truncate(1) }}", "on a row of empty cells, the template fails: expected length >= 3, got 1"),
        ("{% if 3 is divisibleby(0) %}x{% endif %}", "on a row of empty cells, the template fails: integer modulo"),
        ("{% if title > 3 %}x{% endif %}", "on a row of empty cells, the template fails: '>' not supported"),
        ("{{ -title }}", "on a row of empty cells, the template fails: bad operand type"),
        ("x" * 4001, "on a row of empty cells, it is 4,001 characters long; the limit is 4,000"),
    ],
)
def test_disallowed_syntax_is_refused_with_its_place(template: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        compile_template(template, FIELDS, "shop.yaml: defaults.template")
    assert str(caught.value).startswith("shop.yaml: defaults.template: ")
    assert message in str(caught.value)


HOSTILE = [
    "{{ 7*7 }}",
    "{% for x in y %}",
    "{{ title }}",
    "{# gone? #}",
    "${7*7}",
    "%(x)s",
    "<b>&amp;</b>",
    "{{{{",
    "\\n",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_a_value_is_data_and_is_never_compiled(title: str) -> None:
    assert rendered("Photo of {{ title }}{% if color %}, {{ color }}{% endif %}", title=title, color=title) == (
        f"Photo of {title}, {title}"
    )


@given(title=st.text(max_size=60), color=st.text(max_size=60))
def test_any_value_gives_one_line_of_normal_text_and_rendering_it_again_changes_nothing(title: str, color: str) -> None:
    prompt = rendered("Photo of {{ title }} in {{ color | upper }}", title=title, color=color)
    assert prompt == normalize_prompt(prompt) == " ".join(prompt.split())
    assert prompt.startswith("Photo of")


@pytest.mark.parametrize("template", ["Cafe\u0301 {{ title }}", "Cafe\u0301 cup", "Caf\u00e9   cup"])
def test_prompts_are_nfc_wherever_their_letters_come_from(template: str) -> None:
    assert rendered(template, title="cup") == "Caf\u00e9 cup"


def test_a_prompt_may_have_4000_characters_and_no_more() -> None:
    assert len(rendered("{{ title }}", title="x" * MAX_PROMPT_CHARACTERS)) == 4000
    with pytest.raises(PromptRenderError, match="it is 4,001 characters long; the limit is 4,000"):
        rendered("{{ title }}", title="x" * 4001)


def test_a_template_that_fails_on_one_rows_values_says_so() -> None:
    template = "{% if seed %}{{ title | truncate(seed | int) }}{% endif %}ok"
    assert rendered(template, title="a longer title", seed="5") == "a...ok"
    with pytest.raises(PromptRenderError, match="the template fails: expected length >= 3, got 1"):
        rendered(template, title="a longer title", seed="1")


def test_it_names_the_fields_that_it_reads() -> None:
    template = compile_template("{{ title }}{% if color %}{{ view | default(phrase) }}{% endif %}", FIELDS, "x")
    assert template.fields == {"title", "color", "view", "phrase"}
    assert compile_template("{% raw %}{{ title }}{% endraw %}", FIELDS, "x").fields == frozenset()
