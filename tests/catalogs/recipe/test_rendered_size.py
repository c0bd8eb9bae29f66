"""The bound of what a template renders to holds for every template, and is found without rendering anything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from catalogs.errors import RuleFileError
from catalogs.recipe import rendered_size
from catalogs.recipe.rendered_size import rendered_characters
from catalogs.recipe.templates import compile_template

GROWING = " | replace('x', 'xxxxxxxxxx')"


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x'" + GROWING * 12 + " }}",
        "{{ title" + GROWING * 12 + " }}",
        "{{ title | replace('', 'x')" + GROWING * 3 + " }}",
        "{% if 'x'" + GROWING * 12 + " %}a{% endif %}",
        "{{ title ~ ('x'" + GROWING * 12 + ") }}",
        "{{ title }}" * 1_000,
        "{{ title | default('x'" + GROWING * 12 + ") }}",
        "{{ title | replace(title, 'xxxxxxxxxx')" + GROWING * 2 + " }}",
        "{{ title | replace(old='x', new='xxxxxxxxxx')" + GROWING * 3 + " }}",
    ],
)
def test_s11_a_template_that_could_grow_without_an_end_is_refused(template: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        compile_template(template, ("title",), "defaults.template")
    assert str(caught.value).startswith("defaults.template: ")


def test_templates_of_everyday_are_far_below_the_bound() -> None:
    template = "Photo of {{ title | replace('&', ' and ') | replace('_', ' ') | title }}, {{ color | lower }}. " * 8
    assert compile_template(template, ("title", "color"), "t").render({"title": "A & B", "color": "red"})


def test_deeply_nested_choices_are_bounded_at_once() -> None:
    depth = 40
    template = "{% if title %}a" * depth + "{% endif %}" * depth
    assert compile_template(template, ("title",), "t").render({"title": "x"}) == "a" * depth


PIECES = st.sampled_from(
    [
        "{{ a }}", "x", "{{ a | upper }}", "{{ a ~ b }}", "{{ a | replace('x', 'yyy') }}", "{{ not a }}",
        "{{ a | replace('', 'yy') }}", "{{ a | replace(b, 'yyyy') }}", "{{ a | default('none') }}",
        "{% if a %}{{ b }}{% else %}{{ a ~ a }}{% endif %}", "{{ a | truncate(3) }}", "{{ (a ~ b) | length }}",
        "{{ a | first }}", "{{ a if b else 'long text' }}",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=6), st.text("xyß \u0390", max_size=20), st.text("xy", max_size=20))
def test_no_template_renders_to_more_than_its_bound(pieces: list[str], first: str, second: str) -> None:
    environment = ImmutableSandboxedEnvironment(autoescape=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered_size, "MAX_VALUE_CHARACTERS", 20)
        bound = rendered_characters(environment.parse("".join(pieces)))
    assert len(environment.from_string("".join(pieces)).render(a=first, b=second)) <= bound
