"""People over policies: which live images stand on a person's acceptance, and taking acceptances back for a policy.

Inputs: rows of live images with the pixels that they show, the answers of a catalogue. Outputs: the acceptance on which
each of them stands; undo answers in the store. An acceptance survives a policy that refuses its image, unless the
policy is applied against people: then whoever applies it takes the acceptance back, before anything is withdrawn, so
that the next refresh does not publish the image again. A process that is killed in between is repeated by the same
command; what it took back already is refused by nobody until then, and is asked again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.keys import image_key
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from tasks.answers.answer_log import read_answers, read_standing_answers, write_answer


def read_answers_on(store: ObjectStore, catalogue: str, rows: Iterable[Mapping[str, Any]]) -> StandingAnswers:
    """Return the answers about the images of these rows' requests."""
    requests = pa.array({row["request_key"] for row in rows}, pa.binary())
    return read_standing_answers(store, catalogue, request_keys=requests) if len(requests) else StandingAnswers()


def find_acceptance(row: Mapping[str, Any], standing: StandingAnswers) -> StandingAnswer | None:
    """Return the acceptance on which a live row stands: of this image, in this finish, with these pixels."""
    key = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
    found = standing.of_image(key, row["finish_digest"], row["pixel_sha"])
    return found if found is not None and found.verdict == AnswerKind.ACCEPT else None


def take_back(
    store: ObjectStore, catalogue: str, acceptances: Iterable[StandingAnswer], person: str, why: str
) -> list[Answer]:
    """Undo every acceptance of these images in the name of whoever applies a policy against people.

    Two people may have accepted an image, and one person twice: an undone answer lets the one before count.
    """
    images = {image.key: image for each in acceptances if (image := each.answer.image) is not None}
    requests = pa.array({image.request_key for image in images.values()}, pa.binary())
    answers = read_answers(store, catalogue, kinds={AnswerKind.ACCEPT, AnswerKind.UNDO}, request_keys=requests)
    undone = {answer.undoes for answer in answers}
    given = [each for each in answers if each.kind == AnswerKind.ACCEPT and each.image and each.image.key in images]

    def undo(before: Answer) -> Answer:
        taken = Answer(AnswerKind.UNDO, person, store.now(), why, before.image, undoes=before.token)
        return write_answer(store, catalogue, taken)

    return list(concurrent_map(store, undo, [each for each in given if each.token not in undone]))
