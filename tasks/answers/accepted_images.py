"""Accepted images: which published images stand on a person's word, whatever the gates say of them.

Inputs: rows of the manifest, the answers of a catalogue. Outputs: a row by row yes or no. An applied policy leaves such
an image alone, and a rollback may show it again. Only rows whose request was answered at all become Python objects.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.keys import image_key

IMAGE_COLUMNS = ("request_key", "attempt", "finish_digest", "pixel_sha", "sku")
"""The columns of the manifest that an answer is looked up by."""


def find_shown_answers(
    rows: pa.Table | pa.RecordBatch, answers: AnswerIndex
) -> Iterator[tuple[int, StandingAnswer | None]]:
    """Yield the position of each row whose request was answered, with the answer that stands about its very image."""
    if not len(answers):
        return
    answered = pc.is_in(rows.column("request_key"), answers.request_keys)
    positions = pc.indices_nonzero(answered).to_pylist()
    columns = [rows.column(name).take(pa.array(positions, pa.int64())).to_pylist() for name in IMAGE_COLUMNS]
    for position, *values in zip(positions, *columns, strict=True):
        yield position, _find_answer(answers, *values)


def accepted_mask(rows: pa.Table | pa.RecordBatch, answers: AnswerIndex) -> Sequence[bool]:
    """Tell, row by row of the manifest, whether a person has accepted the image, and nobody says otherwise since."""
    mask = [False] * rows.num_rows
    for position, standing in find_shown_answers(rows, answers):
        mask[position] = standing is not None and standing.verdict == AnswerKind.ACCEPT
    return mask


def _find_answer(
    answers: AnswerIndex, request_key: bytes, attempt: int, finish: str, pixel_sha: bytes, sku: str
) -> StandingAnswer | None:
    of_request: Any = answers.of_request(request_key)
    key = bytes.fromhex(image_key(request_key.hex(), attempt))
    standing: StandingAnswer | None = of_request.of_image(key, finish, pixel_sha)
    return None if standing is None or of_request.is_lifted(standing, sku) else standing
