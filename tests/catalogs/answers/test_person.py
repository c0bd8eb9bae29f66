"""A person has exactly the scopes that they were given, under a name that every log can show."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.person import ALL_SCOPES, Person, Scope, check_person_name, parse_scopes, scope_names
from catalogs.errors import OptionError


@given(st.sets(st.sampled_from(Scope), min_size=1), st.randoms())
def test_scopes_are_read_back_in_any_order_and_with_any_spaces(scopes: set[Scope], order: random.Random) -> None:
    names = scope_names(scopes)
    order.shuffle(names)
    assert parse_scopes(" , ".join(names) + ",") == scopes


@pytest.mark.parametrize("text", ["", " , ", "admin", "look,*", "LOOK", "look;answer"])
def test_an_unknown_scope_and_none_are_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(OptionError, match=r"--scope: .* is no scope; give some of look, answer, override, release"):
        parse_scopes(text)


def test_no_scope_contains_another() -> None:
    for scope in Scope:
        person = Person("ann", frozenset({scope}))
        assert [other for other in Scope if person.may(other)] == [scope]
    assert all(Person("root", ALL_SCOPES).may(scope) for scope in Scope)
    assert not any(Person("nobody").may(scope) for scope in Scope)


@pytest.mark.parametrize("name", ["", " ann", "ann ", "a\nb", "a\x1b[31m", "\u202etxt", "x" * 65, "a\x00"])
def test_a_name_that_a_log_cannot_show_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="NAME: "):
        check_person_name(name)


@pytest.mark.parametrize("name", ["ann", "ann@shop.example", "Ann Ó Brien", "王芳", "x" * 64])
def test_an_ordinary_name_is_kept_as_it_is(name: str) -> None:
    assert check_person_name(name) == name
