"""Answered images: what people accepted and refused, with the scores that the gates had measured.

Inputs: a store, a catalogue. Outputs: statistics of the answers, and the images from which thresholds are calibrated.
An answer keeps its image's scores; for one that does not, they are taken from the review indexes that are still there.
All months are read, or those since one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_statistics import KEPT_BACK, summarize_answers
from catalogs.answers.answered_scores import category_of, scores_of
from catalogs.answers.standing_answers import StandingAnswers, image_of
from catalogs.policy.answer_calibration import AnsweredImage, score_limits
from catalogs.policy.schema import Policy
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import read_row_groups
from infra.stores.stored_documents import reading
from tasks.answers.answer_log import read_all_answers

ImageFinish = tuple[bytes, str]
"""Image key and finish digest."""
_INDEX_COLUMNS = ["image_key", "finish_digest", "scores"]


def read_answer_statistics(store: ObjectStore, catalogue: str, policy: Policy, since: str = "") -> dict[str, Any]:
    """Return what the answers of the months from `since` (as 2026-11) on say of the gates and of the people."""
    answers = read_all_answers(store, catalogue, since)
    return {"catalogue": catalogue, "since": since or None} | summarize_answers(answers, score_limits(policy))


def read_answered_images(store: ObjectStore, catalogue: str, since: str = "") -> list[AnsweredImage]:
    """Return the images on which people's word stands and whose scores are known."""
    standing = StandingAnswers(read_all_answers(store, catalogue, since))
    settled = [each.answer for each in standing if each.verdict is not None and not image_of(each.answer).is_prompt]
    scores = _complete_scores(store, catalogue, settled)
    return [
        AnsweredImage(
            answer.kind == AnswerKind.ACCEPT,
            scores[answer.token],
            image_of(answer).reasons if image_of(answer).state in KEPT_BACK else (),
            category_of(answer),
        )
        for answer in settled
        if answer.token in scores
    ]


def _complete_scores(
    store: ObjectStore, catalogue: str, answers: Sequence[Answer]
) -> Mapping[str, Mapping[str, float]]:
    """Return the scores of each answered image by the answer's token."""
    scores = {answer.token: own for answer in answers if (own := scores_of(answer))}
    missing = {_image_finish(answer) for answer in answers if answer.token not in scores}
    indexed = _read_indexed_scores(store, catalogue, missing) if missing else {}
    for answer in answers:
        if answer.token not in scores and (found := indexed.get(_image_finish(answer))):
            scores[answer.token] = found
    return scores


def _read_indexed_scores(
    store: ObjectStore, catalogue: str, wanted: Iterable[ImageFinish]
) -> dict[ImageFinish, Mapping[str, float]]:
    wanted, found, prefix = set(wanted), dict[ImageFinish, Mapping[str, float]](), layout.review_index_prefix(catalogue)
    for rows in read_row_groups(store, prefix, _INDEX_COLUMNS):
        for image, finish, text in zip(*(rows[name].to_pylist() for name in _INDEX_COLUMNS), strict=True):
            if (image, finish) in wanted and text:
                with reading(prefix, "the scores of an image"):
                    found[image, finish] = {name: float(value) for name, value in json.loads(text).items()}
    return found


def _image_finish(answer: Answer) -> ImageFinish:
    image = image_of(answer)
    return image.image_key, image.finish_digest
