"""Earlier answers: documents of versions before, read as answers of today."""

from datetime import UTC, datetime

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.earlier_answers import parse_earlier_answer

TOLD = {"by": "ann", "at": "2026-11-01T08:00:00+00:00", "reason": "seen"}


@pytest.mark.parametrize(
    ("name", "document", "kind", "details"),
    [
        (
            "channels",
            {"channel": "ebay", "given": False, "pixel_shas": ["ab"], "skus": ["mug"]},
            AnswerKind.CHANNEL,
            {"channel": "ebay", "given": False, "pixel_shas": ["ab"], "skus": ["mug"]},
        ),
        (
            "release",
            {"run_id": "r1", "accepted": ["retired-share"]},
            AnswerKind.RELEASE,
            {"run_id": "r1", "checks": ["retired-share"]},
        ),
        ("readmission", {"skus": ["mug"]}, AnswerKind.READMISSION, {"skus": ["mug"]}),
    ],
    ids=["approval", "held release", "readmission"],
)
def test_each_kind_keeps_who_when_why_and_what_it_was_about(
    name: str, document: dict[str, object], kind: AnswerKind, details: dict[str, object]
) -> None:
    answer = parse_earlier_answer(document | TOLD, name, "20261101T080000-aa")
    assert (answer.kind, answer.who, answer.why, answer.details) == (kind, "ann", "seen", details)
    assert answer.when == datetime(2026, 11, 1, 8, tzinfo=UTC)


def test_a_document_without_a_time_is_dated_by_its_token() -> None:
    assert parse_earlier_answer({"skus": []}, "readmission", "20261101T080000-aa").when.hour == 8
    assert parse_earlier_answer({"skus": []}, "readmission", "x").when.year == 1


def test_an_acceptance_without_its_checks_is_refused() -> None:
    with pytest.raises(KeyError):
        parse_earlier_answer({"run_id": "r1"}, "release", "r1")


def test_a_time_keeps_its_zone_and_one_without_is_utc() -> None:
    for at, hour in (("2026-11-01T08:00:00+02:00", 6), ("2026-11-01T08:00:00", 8)):
        answer = parse_earlier_answer({"skus": [], "at": at}, "readmission", "x")
        assert answer.when == datetime(2026, 11, 1, hour, tzinfo=UTC)


def test_an_approval_that_says_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(TypeError, match="'given'"):
        parse_earlier_answer({"channel": "ebay", "given": "no", "pixel_shas": [], "skus": []}, "channels", "x")
