"""Standing answers: which answer counts for each image and prompt, of all that people have given.

Inputs: answers in any order. Outputs: a `StandingAnswer` by image or by request key. Pure: the same answers give the
same result whatever their order.

Of one person the newest answer counts that was not undone. Answers of several people that differ are a conflict, which
binds nothing until they agree or one of them ends it (`resolves`); a resolution ends it until another person answers
otherwise later. Answers to known items measure the person and count for nothing here. A readmission of a SKU lifts
earlier refusals in the slots of that SKU.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogs.answers.answer import IMAGE_KINDS, Answer, AnswerKind, AnswerPurpose, ImageTarget


@dataclass(frozen=True)
class StandingAnswer:
    """What counts for one image or prompt: the answer, and everybody's newest where they differ."""

    answer: Answer
    """The newest of those that count."""
    conflict: tuple[Answer, ...] = ()
    """The newest answer of each person, oldest first, where they differ; empty where they agree."""
    counted: tuple[Answer, ...] = ()
    """The newest answer of each person that counts, oldest first, whether they differ or agree."""

    @property
    def verdict(self) -> AnswerKind | None:
        """Return ACCEPT, REFUSE or RETRY; None in a conflict."""
        return None if self.conflict else self.answer.kind

    @property
    def token(self) -> str:
        """Return what an outcome keeps, to tell that it was decided with this answer: it moves with what counts."""
        return "+".join(each.token for each in self.conflict) or self.answer.token


class StandingAnswers:
    """The answers that count in one catalogue."""

    def __init__(self, answers: Iterable[Answer] = (), readmitted: Mapping[str, str] | None = None) -> None:
        """Fold the answers; those about other things than images and prompts are left out.

        `readmitted` is what `fold_readmissions` gives, where it is known; else readmissions among the answers count.
        """
        answers = list(answers)
        of_images = [answer for answer in answers if answer.kind in IMAGE_KINDS and answer.image is not None]
        self._readmitted = fold_readmissions(answers) if readmitted is None else readmitted
        undone = {answer.undoes for answer in of_images if answer.kind == AnswerKind.UNDO}
        counted: dict[tuple[bytes, str, bytes], list[Answer]] = {}
        for answer in sorted(of_images, key=lambda each: each.token):
            is_counted = answer.kind != AnswerKind.UNDO and answer.purpose != AnswerPurpose.KNOWN
            if is_counted and answer.token not in undone:
                counted.setdefault(image_of(answer).key, []).append(answer)
        self._standing = {key: _fold(given) for key, given in counted.items()}
        self._by_image_key: dict[bytes, list[StandingAnswer]] = {}
        self._by_request_key: dict[bytes, list[StandingAnswer]] = {}
        for key, standing in self._standing.items():
            self._by_image_key.setdefault(key[0], []).append(standing)
            self._by_request_key.setdefault(image_of(standing.answer).request_key, []).append(standing)

    def __len__(self) -> int:
        """Return how many images and prompts have an answer that counts."""
        return len(self._standing)

    def __iter__(self) -> Iterator[StandingAnswer]:
        """Yield every standing answer."""
        return iter(self._standing.values())

    def of_image(self, image_key: bytes, finish_digest: str, pixel_sha: bytes) -> StandingAnswer | None:
        """Return the answer about this very image, in this finish, with these pixels."""
        return self._standing.get((image_key, finish_digest, pixel_sha))

    def of_prompt(self, request_key: bytes) -> StandingAnswer | None:
        """Return the answer about a prompt of which no image was generated."""
        return self._standing.get((request_key, "", b""))

    def of_request(self, request_key: bytes) -> Sequence[StandingAnswer]:
        """Return the answers about a prompt and about all images that were generated from it."""
        return self._by_request_key.get(request_key, ())

    def of_finish(self, image_key: bytes, finish_digest: str) -> Sequence[StandingAnswer]:
        """Return the answers about an image in one finish, whatever its pixels were: usually one at most."""
        found = self._by_image_key.get(image_key, ())
        return [each for each in found if image_of(each.answer).finish_digest == finish_digest]

    def of_other_finishes(self, image_key: bytes, finish_digest: str) -> Sequence[StandingAnswer]:
        """Return the answers about the same image in other finishes: asked again, they are shown as given before."""
        found = self._by_image_key.get(image_key, ())
        return [each for each in found if image_of(each.answer).finish_digest != finish_digest]

    def is_lifted(self, standing: StandingAnswer, sku: str) -> bool:
        """Tell whether a refusal binds the slots of a SKU no more, since the SKU was readmitted after it."""
        return standing.verdict == AnswerKind.REFUSE and self._readmitted.get(sku, "") > standing.token


def deciding_answer(
    own: StandingAnswer | None,
    of_request: Iterable[StandingAnswer],
    selected: tuple[bytes, str],
    decided_by: str,
) -> StandingAnswer | None:
    """Return the answer that decides a slot of which an image was selected before.

    `own` is what stands about that image; `selected` is its key and finish; `decided_by` is the run that selected it.
    A person who later accepted another image of the request, in the same finish, has the last word. Where nothing
    stands about the image itself, later means after that run began: run ids and tokens sort by time, as one.
    """
    image_key, finish_digest = selected
    known = decided_by if own is None else own.token
    accepted = [
        each
        for each in of_request
        if each.verdict == AnswerKind.ACCEPT
        and each.token > known
        and image_of(each.answer).finish_digest == finish_digest
        and image_of(each.answer).image_key != image_key
    ]
    return max(accepted, key=lambda each: each.token, default=own)


def image_of(answer: Answer) -> ImageTarget:
    """Return what an answer about an image or prompt is about."""
    assert answer.image is not None  # noqa: S101 - only such answers come here
    return answer.image


def fold_readmissions(answers: Iterable[Answer]) -> dict[str, str]:
    """Return SKU -> the token of its newest readmission."""
    newest: dict[str, str] = {}
    for answer in answers:
        if answer.kind == AnswerKind.READMISSION and answer.details is not None:
            for sku in answer.details.get("skus", ()):
                newest[sku] = max(answer.token, newest.get(sku, ""))
    return newest


def _fold(answers: Sequence[Answer]) -> StandingAnswer:
    """Return what counts of the answers to one image, oldest first."""
    newest: dict[str, Answer] = {}
    for answer in answers:
        newest.pop(answer.who, None)
        newest[answer.who] = answer
    last = list(newest.values())
    resolution = next((answer for answer in reversed(last) if answer.resolves), None)
    considered = last if resolution is None else last[last.index(resolution) :]
    differ = len({(answer.kind, answer.prompt) for answer in considered}) > 1
    return StandingAnswer(considered[-1], tuple(considered) if differ else (), tuple(considered))
