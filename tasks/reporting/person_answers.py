"""What people have answered about one SKU: approvals for channels, and readmissions.

Inputs: a store, a catalogue, a SKU. Outputs: the recorded answers that name it, oldest first, each with who, when and
why. Answers that were folded into a snapshot are read from their archives, some fifty in each.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json
from infra.stores.stored_documents import reading

Answer = Mapping[str, Any]


def read_answers_about(store: ObjectStore, catalogue: str, sku: str) -> list[dict[str, Any]]:
    """Return the answers about a SKU: `kind` (approval or readmission), `channel`, `given`, `by`, `at`, `reason`."""
    prefixes = layout.person_decisions_prefix(catalogue), layout.approval_archives_prefix(catalogue)
    keys = [info.key for prefix in prefixes for info in store.list(prefix)]
    answers: dict[str, dict[str, Any]] = {}
    for key, document in zip(keys, concurrent_map(store, partial(find_json, store), keys), strict=True):
        if document is not None:  # otherwise folded since it was listed
            with reading(key, "an answer"):
                told = [_tell(answer) for answer in _answers_in(document) if sku in answer.get("skus", ())]
            answers |= {json.dumps(answer, sort_keys=True): answer for answer in told}  # archived, not yet deleted
    return sorted(answers.values(), key=lambda answer: str(answer["at"]))


def _answers_in(document: Answer) -> Iterator[Answer]:
    """Yield the one answer of a single object, or all of an archive."""
    archived = document.get("documents")
    yield from archived.values() if archived is not None else (document,)


def _tell(answer: Answer) -> dict[str, Any]:
    channel = answer.get("channel")
    return {
        "kind": "approval" if channel is not None else "readmission",
        "channel": channel,
        "given": answer.get("given", True),
        **{name: answer[name] for name in ("by", "at", "reason")},
    }
