"""Earlier answers: the documents in which versions before this one kept approvals, held releases and readmissions.

Inputs: a document, the name that its key ends with, its token. Outputs: the same answer in today's schema. Pure. They
named the person `by`, the time `at` and the words `reason`, and each kind had a shape of its own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_details import require_details

EARLIER_KINDS = {
    layout.CHANNEL_APPROVAL: AnswerKind.CHANNEL,
    layout.HELD_RELEASE: AnswerKind.RELEASE,
    layout.READMISSION: AnswerKind.READMISSION,
}
"""The name of an earlier document -> the kind of answer that it is."""
_UNDATED = datetime.min.replace(tzinfo=UTC)


def parse_earlier_answer(document: Mapping[str, Any], name: str, token: str) -> Answer:
    """Return the answer in a document. Raises ValueError, KeyError or TypeError for one of a wrong shape."""
    kind = EARLIER_KINDS[name]
    who, why = str(document.get("by", "")), str(document.get("reason", ""))
    details = _details(document, kind)
    require_details(kind, details)
    return Answer(kind, who, _time(document, token), why, details=details, token=token)


def _details(document: Mapping[str, Any], kind: AnswerKind) -> Mapping[str, Any]:
    skus = list(document.get("skus", ()))
    if kind == AnswerKind.READMISSION:
        return {"skus": skus}
    if kind == AnswerKind.RELEASE:
        return {"run_id": document.get("run_id", ""), "checks": list(document["accepted"])}
    return {name: document[name] for name in ("channel", "given", "pixel_shas")} | {"skus": skus}


def _time(document: Mapping[str, Any], token: str) -> datetime:
    """Return when it was given: as it says, or else as its token begins."""
    try:
        when = (
            datetime.fromisoformat(document["at"])
            if "at" in document
            else datetime.strptime(token[:15], "%Y%m%dT%H%M%S")
        )
    except ValueError:
        return _UNDATED
    return when if when.tzinfo else when.replace(tzinfo=UTC)
