"""What a page says comes from a code: no text of an address is ever shown."""

import pytest

from flows.web.review import review_routes, review_services
from flows.web.review.sayings import SAYINGS, find_saying


def test_every_code_has_a_sentence_and_one_of_the_three_tones() -> None:
    for code, saying in SAYINGS.items():
        assert saying.text.endswith("."), code
        assert saying.tone in {"", "wait", "wrong"}, code


@pytest.mark.parametrize("code", ["", "<b>", "accepted ", "ACCEPTED"])
def test_an_unknown_code_says_nothing(code: str) -> None:
    assert find_saying(code) is None


def test_every_code_is_said_somewhere() -> None:
    import inspect

    source = inspect.getsource(review_routes) + inspect.getsource(review_services)
    assert [code for code in SAYINGS if f'"{code}"' not in source] == []
