"""What people have answered about one SKU: every kind of answer that names it, one of its images or one of its runs.

Inputs: a store, a catalogue, a SKU with the requests and runs of its slots. Outputs: the answers, oldest first, each
with who, when and why, whether it counts, and whether people differ. Those that were folded are read from the archive,
of which only the parts that hold the SKU, and those of earlier versions from theirs.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_rows import answers_in_rows
from catalogs.answers.earlier_answers import parse_earlier_answer
from catalogs.answers.standing_answers import StandingAnswers
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json
from infra.stores.stored_documents import reading
from tasks.answers.answer_archive import read_archive_about
from tasks.answers.answer_log import read_answers

_NAMES: Mapping[AnswerKind, str] = {AnswerKind.CHANNEL: "approval"}
"""Names of kinds in a story, where they are not their own."""


@dataclass(frozen=True)
class SkuReferences:
    """A SKU, and the request keys and runs of its live images and outcomes."""

    sku: str
    request_keys: Collection[bytes] = ()
    run_ids: Collection[str] = ()

    def are_in(self, answer: Answer) -> bool:
        """Tell whether an answer is about the SKU, one of its images, or a held batch of one of its runs."""
        if answer.image is not None:
            return answer.image.sku == self.sku or answer.image.request_key in self.request_keys
        details = answer.details or {}
        return self.sku in details.get("skus", ()) or details.get("run_id") in self.run_ids


def read_answers_about(store: ObjectStore, catalogue: str, references: SkuReferences) -> list[dict[str, Any]]:
    """Return the answers about a SKU: `kind`, `by`, `at`, `reason` and what its kind has beside those."""
    current = [answer for answer in read_answers(store, catalogue) if references.are_in(answer)]
    with reading(layout.answer_archive_prefix(catalogue), "the archive of answers"):
        archived = list(answers_in_rows(read_archive_about(store, catalogue, references.sku)))
    answers = {answer.token: answer for answer in [*_read_earlier_archives(store, catalogue), *archived, *current]}
    standing = StandingAnswers(current)
    told = [_tell(answer, standing) for answer in answers.values() if references.are_in(answer)]
    return sorted(told, key=lambda answer: (answer["at"], answer["token"]))


def _read_earlier_archives(store: ObjectStore, catalogue: str) -> Iterator[Answer]:
    """Yield the approvals that earlier versions folded, some fifty in each of their archives."""
    keys = [info.key for info in store.list(layout.approval_archives_prefix(catalogue))]
    for key, archive in zip(keys, concurrent_map(store, partial(find_json, store), keys), strict=True):
        if archive is not None:
            with reading(key, "an archive of answers"):
                for token, document in archive["documents"].items():
                    yield parse_earlier_answer(document, layout.CHANNEL_APPROVAL, token)


def _tell(answer: Answer, standing: StandingAnswers) -> dict[str, Any]:
    details = answer.details or {}
    told: dict[str, Any] = {"kind": _NAMES.get(answer.kind, answer.kind.value), "channel": details.get("channel")}
    told |= {"given": details.get("given", True), "by": answer.who, "at": answer.when.isoformat()}
    told |= {"reason": answer.why, "token": answer.token}
    if answer.kind == AnswerKind.RELEASE:
        told |= {"run_id": details["run_id"], "checks": details["checks"]}
    if answer.image is None:
        return told
    image = answer.image
    told |= {name: getattr(image, name) for name in ("sku", "view", "variant", "index")}
    told |= {"refusal": answer.reason, "prompt": answer.prompt, "seconds": answer.seconds}
    told |= {"purpose": answer.purpose.value, "undoes": answer.undoes}
    found = standing.of_prompt(image.request_key) if image.is_prompt else standing.of_image(*image.key)
    counting = (found.answer, *found.conflict) if found is not None else ()
    return told | {"counts": answer in counting, "conflict": found is not None and bool(found.conflict)}
