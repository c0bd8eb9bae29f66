"""Answers as CSV: what waits, or what was answered, as rows for other tools; and rows with answers, read back.

Inputs: review items, answers, or the cells of a row. Outputs: cells by column; an `ImportedAnswer`. Pure. A row is
bound as an answer is: by request key, image key, finish and pixel sha. Cells are catalogue text, which strangers write:
one that a spreadsheet would take for a formula stands behind an apostrophe, which the reader takes off again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.person import check_person_name
from catalogs.answers.refusal_reasons import REFUSAL_REASONS
from catalogs.reviews.review_item import ReviewItem, item_id

COLUMNS = {
    "sku": "the first SKU that shows it",
    "view": "its view",
    "variant": "its variant",
    "index": "its number within the view",
    "state": "what the gates said: review, blocked, publish",
    "reasons": "why, separated by spaces",
    "shown_prompt": "the prompt that it was generated from",
    "image": "where the picture is: below the store's URL",
    "request_key": "names the request, in hex",
    "image_key": "names the image; empty for a prompt without one",
    "finish_digest": "names its finish",
    "pixel_sha": "names its pixels",
    "kind": "the answer: accept, refuse, retry; empty where nobody has answered",
    "reason": "of a refusal: " + ", ".join(REFUSAL_REASONS),
    "why": "in the person's words",
    "prompt": "of another attempt: the edited prompt; empty for the row's own",
    "seconds": "how long the person looked",
    "who": "the person; `--by` stands for it where it is empty",
    "when": "when it was answered; not read back",
    "purpose": "why the person was asked; not read back",
}
"""Column -> what it holds."""
BINDING_COLUMNS = ("request_key", "image_key", "finish_digest", "pixel_sha")
OTHER_NAMES = {"lead_time": "seconds"}
"""Columns of Label Studio's own exports -> ours, where it has no column of ours."""
IMPORTED_KINDS = (AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")
"""How a cell begins that some spreadsheet computes: also after a line break, and in full-width signs."""

Cells = Mapping[str, str]


@dataclass(frozen=True)
class ImportedAnswer:
    """An answer in a row: what it is bound to (hex), and what the person said."""

    line: int
    binding: tuple[str, str, str, str]
    """Request key, image key, finish digest, pixel sha."""
    kind: AnswerKind
    who: str
    reason: str = ""
    why: str = ""
    prompt: str = ""
    seconds: float | None = None

    @property
    def item_id(self) -> str:
        """Return the name of the item that it is about. Raises ValueError where a key is no hex."""
        request_key, image_key, finish, _ = self.binding
        return item_id(bytes.fromhex(request_key), bytes.fromhex(image_key) or None, finish)


def item_cells(item: ReviewItem, store_url: str) -> dict[str, str]:
    """Return the row of something that waits, with an empty answer."""
    target = item.target
    cells = {name: str(getattr(target, name)) for name in ("sku", "view", "variant", "index", "state")}
    cells |= {"reasons": " ".join(item.reasons), "shown_prompt": item.prompt}
    cells |= {"image": f"{store_url.rstrip('/')}/{item.object}" if item.object else ""}
    cells |= _binding_cells(target.request_key, target.image_key, target.finish_digest, target.pixel_sha)
    return _row(cells)


def answer_cells(answer: Answer) -> dict[str, str]:
    """Return the row of an answer about an image or prompt."""
    image = answer.image
    assert image is not None  # noqa: S101 - other answers have no row
    cells = {name: str(getattr(image, name)) for name in ("sku", "view", "variant", "index", "state")}
    cells |= {"reasons": " ".join(image.reasons), "kind": answer.kind.value, "when": answer.when.isoformat()}
    cells |= {name: getattr(answer, name) for name in ("reason", "why", "prompt", "who")}
    cells |= {"seconds": "" if answer.seconds is None else f"{answer.seconds:g}", "purpose": answer.purpose.value}
    cells |= _binding_cells(image.request_key, image.image_key, image.finish_digest, image.pixel_sha)
    return _row(cells)


def parse_cells(cells: Cells, line: int, by: str) -> ImportedAnswer | None:
    """Return the answer in a row; None where it has none. Raises `ValueError`, which names the column."""
    read = {name: _plain(cells.get(name) or "") for name in (*COLUMNS, *OTHER_NAMES)}
    read |= {ours: read[ours] or read[theirs] for theirs, ours in OTHER_NAMES.items()}
    if not read["kind"].strip():
        return None
    kind = read["kind"].strip().lower()
    if kind not in set(IMPORTED_KINDS):
        raise ValueError(f"kind: {kind[:40]!r} is none of {', '.join(IMPORTED_KINDS)}")
    reason = read["reason"].strip()
    if kind == AnswerKind.REFUSE and reason not in REFUSAL_REASONS:
        raise ValueError(f"reason: {reason[:40]!r} is none of {', '.join(REFUSAL_REASONS)}")
    who = read["who"].strip() or by
    if not who:
        raise ValueError("who: it is empty; name the person, or give --by")
    check_person_name(who, "who" if read["who"].strip() else "--by")
    prompt = read["prompt"] if kind == AnswerKind.RETRY else ""
    said = (reason if kind == AnswerKind.REFUSE else "", read["why"], prompt)
    return ImportedAnswer(line, _parse_binding(read), AnswerKind(kind), who, *said, _parse_seconds(read["seconds"]))


def _parse_binding(read: Cells) -> tuple[str, str, str, str]:
    request_key, image_key, finish, pixel_sha = (read[name].strip().lower() for name in BINDING_COLUMNS)
    for name, text in (("request_key", request_key), ("image_key", image_key), ("pixel_sha", pixel_sha)):
        if (text or name == "request_key") and (len(text) != 64 or set(text) - set("0123456789abcdef")):
            raise ValueError(f"{name}: {text[:80]!r} is no key of 64 hex digits; leave these columns as exported")
    return request_key, image_key, finish, pixel_sha


def _parse_seconds(text: str) -> float | None:
    try:
        seconds = float(text) if text.strip() else None
    except ValueError:
        raise ValueError(f"seconds: {text[:40]!r} is no number") from None
    if seconds is not None and not 0 <= seconds < 1e6:
        raise ValueError(f"seconds: {text[:40]!r} is no time that a person looks")
    return seconds


def _binding_cells(request_key: bytes, image_key: bytes, finish: str, pixel_sha: bytes) -> dict[str, str]:
    values = (request_key.hex(), image_key.hex(), finish, pixel_sha.hex())
    return dict(zip(BINDING_COLUMNS, values, strict=True))


def _row(cells: Cells) -> dict[str, str]:
    return {name: _safe(cells.get(name, "")) for name in COLUMNS}


def _safe(text: str) -> str:
    """Return a cell that a spreadsheet shows and does not compute."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
