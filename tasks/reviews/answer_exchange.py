"""Answer exchange: what waits and what was answered, for other tools, and their answers taken in.

Inputs: a store, its tables, a catalogue; the rows of a CSV file. Outputs: rows; answers in the store. An imported
answer goes through the review service like one of the console: it needs the same scopes and is bound to the same
pixels. A row that names other pixels than those that wait is refused, and so is one of an image that waits no more. The
same file again writes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import Person, Scope
from catalogs.errors import InputError
from catalogs.reviews.answer_csv import BINDING_COLUMNS, Cells, ImportedAnswer, answer_cells, parse_cells
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from catalogs.reviews.review_options import AnswerWords, ReviewOptions
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import read_all_answers
from tasks.reviews.answer_checks import check_answer
from tasks.reviews.review_queue import ReviewQueue
from tasks.reviews.review_service import ReviewService

MAX_ROWS = 100_000
"""Rows of one file that are imported."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be imported: its line, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class ImportCounts:
    """What became of checked answers: how many were written, were given already, and differ from other people's."""

    imported: int
    already_given: int
    differing: int


@dataclass
class AnswerImport:
    """What a file holds: good rows, and what is wrong with the others."""

    answers: list[ImportedAnswer] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    unanswered: int = 0


def waiting_items(store: ObjectStore, tables: TableStore, catalogue: str) -> Iterator[ReviewItem]:
    """Yield what waits for people, the most urgent first."""
    queue = ReviewQueue(store, tables, catalogue, double_share=0.0)
    queue.look()
    for entry in queue.open_entries():
        yield queue.waiting.item(entry)


def answered_rows(store: ObjectStore, catalogue: str, since: str = "") -> Iterator[dict[str, str]]:
    """Yield the row of every answer about an image or prompt of the months from `since` on, oldest first."""
    for answer in read_all_answers(store, catalogue, since):
        if answer.image is not None:
            yield answer_cells(answer)


class AnswerImporter:
    """Takes the answers of a file in; `may_override` is whether they may accept what a gate blocked."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, *, may_override: bool = False) -> None:
        self._store, self._catalogue = store, catalogue
        self._service = ReviewService(store, tables, catalogue, options=ReviewOptions(double_share=0.0))
        self._scopes = frozenset({Scope.LOOK, Scope.ANSWER} | ({Scope.OVERRIDE} if may_override else set()))

    def check(self, rows: Iterable[tuple[int, Cells]], by: str) -> AnswerImport:
        """Return the answers of these rows (line, cells), and the rows that are wrong. Nothing is written."""
        found, seen = AnswerImport(), dict[tuple[str, str], int]()
        for line, cells in rows:
            try:
                answer = parse_cells(cells, line, by)
                if answer is None:
                    found.unanswered += 1
                    continue
                self._require_waiting(answer)
                first = seen.setdefault((answer.item_id, answer.who), line)
                if first != line:
                    raise ValueError(f"{answer.who} has answered the same image in line {first}")
                found.answers.append(answer)
            except (ValueError, InputError) as error:
                found.bad.append(BadRow(line, str(error).removesuffix(".")))
        return found

    def write(self, answers: Sequence[ImportedAnswer]) -> ImportCounts:
        """Write checked answers, fold what has gathered, and count; what a person has said already is not written."""
        written = list(concurrent_map(self._store, self._write_one, answers))
        fold_answers(self._store, self._catalogue)
        differing = {answer.item_id for answer in answers if self._service.conflict(answer.item_id)}
        return ImportCounts(sum(written), len(written) - sum(written), len(differing))

    def _require_waiting(self, answer: ImportedAnswer) -> None:
        item = self._service.find(answer.item_id)
        target = item.target
        waiting = (target.request_key.hex(), target.image_key.hex(), target.finish_digest, target.pixel_sha.hex())
        for name, given, now in zip(BINDING_COLUMNS, answer.binding, waiting, strict=True):
            if given != now:
                waits = f"{now[:16]}…" if now else "none"
                raise ValueError(f"{name}: another one waits now ({waits}): look at the picture again")
        if item.kind == ReviewKind.BLOCKED and answer.kind == AnswerKind.ACCEPT and Scope.OVERRIDE not in self._scopes:
            raise ValueError(f"kind: the gates blocked the image of {item.target.sku!r}; give --override to accept it")
        check_answer(self._person(answer), item, answer.kind, _words(answer))

    def _write_one(self, answer: ImportedAnswer) -> bool:
        _, is_new = self._service.answer_once(self._person(answer), answer.item_id, answer.kind, **_words(answer))
        return is_new

    def _person(self, answer: ImportedAnswer) -> Person:
        return Person(answer.who, self._scopes)


def _words(answer: ImportedAnswer) -> AnswerWords:
    return {"reason": answer.reason, "why": answer.why, "prompt": answer.prompt, "seconds": answer.seconds}
