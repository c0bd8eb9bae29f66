"""Answer rows: answers as rows of ANSWERS, and back.

Inputs: answers, or an Arrow table. Outputs: the other. Pure. Invariant: an answer that becomes a row and is read back
is the same answer. Details are parsed where they are asked for: of 100,000 answers a run looks at few.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget
from catalogs.table_schemas import ANSWERS

_PLAIN_COLUMNS = ("token", "who", "when", "why", "reason", "prompt", "seconds", "undoes", "resolves")
_IMAGE_COLUMNS = tuple(ImageTarget.__dataclass_fields__)
_ANSWER_COLUMNS = ("kind", "who", "when", "why", "reason", "prompt", "seconds", "purpose", "undoes", "resolves")
_KINDS = {kind.value: kind for kind in AnswerKind}
_PURPOSES = {purpose.value: purpose for purpose in AnswerPurpose}


class StoredDetails(Mapping[str, Any]):
    """The details of an answer as JSON, parsed when they are first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getitem__(self, name: str) -> Any:
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed)

    def __len__(self) -> int:
        return len(self._parsed)

    def __repr__(self) -> str:
        return repr(self._parsed)

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        parsed = json.loads(self._text)
        if not isinstance(parsed, dict):
            raise TypeError(f"details are a {type(parsed).__name__}, and no object")
        return parsed


def answers_to_rows(answers: Iterable[Answer]) -> pa.Table:
    """Return answers as rows of ANSWERS, in their order."""
    return pa.Table.from_pylist([_row(answer) for answer in answers], schema=ANSWERS)


def answers_in_rows(rows: pa.Table) -> Iterator[Answer]:
    """Yield the answers of rows of ANSWERS. Raises ValueError, KeyError or TypeError for rows of a wrong shape."""
    columns = {name: rows[name].to_pylist() for name in ANSWERS.names}
    reasons = map(tuple, (each or () for each in columns["reasons"]))
    image_columns = [reasons if name == "reasons" else columns[name] for name in _IMAGE_COLUMNS]
    images = (None if fields[0] is None else ImageTarget(*fields) for fields in zip(*image_columns, strict=True))
    told = zip(*(columns[name] for name in _ANSWER_COLUMNS), strict=True)
    for (kind, who, when, why, reason, prompt, seconds, purpose, undoes, resolves), image, details, token in zip(
        told, images, columns["details"], columns["token"], strict=True
    ):
        given = (_KINDS[kind], who, when, why, image, reason, prompt, seconds, _PURPOSES[purpose], undoes, resolves)
        yield Answer(*given, StoredDetails(details) if details else None, token)


def _row(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(answer, name) for name in _PLAIN_COLUMNS}
    row |= {"kind": answer.kind.value, "purpose": answer.purpose.value}
    row["details"] = json.dumps(dict(answer.details), ensure_ascii=True) if answer.details else ""
    return row if answer.image is None else row | vars(answer.image)
