"""Requests and results of kept images survive their texts, and a result is compared with what was asked for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.photos.kept_request import (
    KEPT_MODEL,
    KeptRequest,
    KeptResult,
    answers_request,
    kept_photo_sha,
    kept_result_text,
    parse_kept_request,
    parse_kept_result,
    with_findings,
)
from catalogs.recipe.schema import Recipe

PLACEMENT = {"fill": 0.85, "least_fill": 0.85, "centre": 0.5, "foot": None}
REQUEST = KeptRequest("white", ("a" * 64, "b" * 64), (("plain-ground", "1"),), PLACEMENT)


def result(**changes: object) -> str:
    fields = {
        "mode": "white", "photo": "a" * 64, "choice": "only-photo", "cutter": "plain-ground", "cutter_version": "1",
        "scores": {"mask.area": 0.5}, "proof": {}, "cutters_digest": REQUEST.cutters_digest,
    }  # fmt: skip
    return kept_result_text(**{**fields, **changes})


@given(st.lists(st.text(min_size=1, max_size=8), max_size=3), st.sampled_from(["", "stage"]))
def test_texts_come_back_as_they_were(photos: list[str], stage: str) -> None:
    request = KeptRequest("white", tuple(photos), (("plain-ground", "1"),), PLACEMENT, stage)
    assert parse_kept_request(request.text) == request
    assert ("stage" in request.text) == bool(stage)


def test_findings_are_added_and_change_nothing_else() -> None:
    found = parse_kept_result(with_findings(result(), {"kept.broken": 0.0}, {"mean": 1.0}))
    assert (found.scores, found.jpeg) == ({"mask.area": 0.5, "kept.broken": 0.0}, {"mean": 1.0})
    assert found == KeptResult(**{**vars_of(parse_kept_result(result())), "scores": found.scores, "jpeg": found.jpeg})


def vars_of(kept: KeptResult) -> dict[str, object]:
    return {name: getattr(kept, name) for name in KeptResult.__dataclass_fields__}


@pytest.mark.parametrize(
    ("changes", "answers"),
    [({}, True), ({"photo": "b" * 64}, True), ({"photo": "c" * 64}, False), ({"mode": "stage"}, False),
     ({"cutters_digest": "x"}, False), ({"stage": "s"}, False)],
)  # fmt: skip
def test_a_result_is_of_its_request_alone(changes: dict[str, object], answers: bool) -> None:
    assert answers_request(result(**changes), REQUEST.text) is answers


def test_no_result_answers_nothing() -> None:
    assert not answers_request("", REQUEST.text)
    assert not answers_request(result(), "{}")


def test_the_order_of_photos_and_cutters_counts_and_their_digest_names_a_mask() -> None:
    turned = replace(REQUEST, photos=REQUEST.photos[::-1])
    assert turned.text != REQUEST.text
    assert turned.cutters_digest == REQUEST.cutters_digest
    two = replace(REQUEST, cutters=(*REQUEST.cutters, ("u2netp", "7")))
    assert replace(two, cutters=two.cutters[::-1]).cutters_digest != two.cutters_digest


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"cutters":[["a"]],"photos":[]}', '{"cutters":[],"photos":[],"x":1}']
)
def test_another_text_is_no_request(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_kept_request(text)


def test_no_recipe_can_name_a_model_as_kept_requests_do() -> None:
    content = {
        "version": 1, "columns": {"sku": "sku", "title": "title"}, "views": {"front": ""},
        "defaults": {"template": "{{ title }}", "views": ["front"]}, "models": {KEPT_MODEL: {}},
    }  # fmt: skip
    with pytest.raises(ValueError, match="@photo"):
        Recipe.model_validate(content)


texts = st.text(max_size=12)
numbers = st.floats(0, 1) | st.none()
requests = st.builds(
    KeptRequest,
    mode=st.sampled_from(["white", "stage", "scene"]),
    photos=st.lists(texts, max_size=3).map(tuple),
    cutters=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    placement=st.dictionaries(st.sampled_from(["fill", "least_fill", "centre", "foot"]), numbers),
    stage=texts,
)
results = st.builds(
    KeptResult,
    mode=st.sampled_from(["white", "stage", "scene"]),
    photo=texts,
    choice=texts,
    cutter=texts,
    cutter_version=texts,
    scores=st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    proof=st.dictionaries(texts, st.integers() | texts, max_size=3),
    cutters_digest=texts,
    refused=st.dictionaries(texts, st.lists(texts, max_size=2), max_size=2),
    stage=texts,
    jpeg=st.dictionaries(texts, st.floats(0, 255), max_size=3),
)


@given(requests)
def test_a_request_comes_back_from_its_text(request: KeptRequest) -> None:
    assert parse_kept_request(request.text) == request
    assert parse_kept_request(request.text).text == request.text


@given(results)
def test_a_result_comes_back_from_its_text(result: KeptResult) -> None:
    assert parse_kept_result(result.text) == result


@given(st.binary(min_size=32, max_size=32), st.text(max_size=20))
def test_the_photo_is_found_in_a_result_s_text_whatever_else_it_says(sha: bytes, said: str) -> None:
    posing = f'"mode":"white","photo":"{"cd" * 32}"'
    assert kept_photo_sha(result(photo=sha.hex(), choice=posing + said, refused={posing: [said]})) == sha


@pytest.mark.parametrize("text", [None, "", "{}", "no JSON", result(photo="no digest"), "[" * 100_000])
def test_what_names_no_photo_has_no_photo_s_sha256(text: str | None) -> None:
    assert kept_photo_sha(text) == b""
