"""Given answers: what people have said of each image and prompt, kept up to date while a console is open.

Inputs: the answers of a catalogue, and each new one as it is given. Outputs: by what an answer is bound to, the answers
that were not undone and the one that counts. An answer costs one look-up, not a reading of all others.
"""

from collections.abc import Iterable, Sequence

from catalogs.answers.answer import IMAGE_KINDS, Answer, AnswerKind, AnswerPurpose
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers

AnswerKey = tuple[bytes, str, bytes]
"""See `ImageTarget.key`."""


class GivenAnswers:
    """Answers about images and prompts. Not safe for several threads by itself: the service's lock guards it."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self._by_key: dict[AnswerKey, list[Answer]] = {}
        self._by_token: dict[str, Answer] = {}
        self._finishes: dict[bytes, set[AnswerKey]] = {}
        self._undone: set[str] = set()
        self.newest_token = ""
        for answer in answers:
            self.add(answer)

    def add(self, answer: Answer) -> None:
        """Add an answer; one that is known already changes nothing."""
        self.newest_token = max(self.newest_token, answer.token)
        if answer.image is None or answer.kind not in IMAGE_KINDS or answer.token in self._by_token:
            return
        self._by_token[answer.token] = answer
        if answer.kind == AnswerKind.UNDO:
            self._undone.add(answer.undoes)
            return
        key = answer.image.key
        self._by_key.setdefault(key, []).append(answer)
        self._finishes.setdefault(key[0], set()).add(key)

    def keys(self) -> Iterable[AnswerKey]:
        """Return what the answers are about, those that were taken back included."""
        return self._by_key.keys()

    def __contains__(self, token: str) -> bool:
        """Tell whether an answer is known."""
        return token in self._by_token

    def of(self, key: AnswerKey) -> list[Answer]:
        """Return the answers about an image that were not undone, oldest first."""
        given = [answer for answer in self._by_key.get(key, ()) if answer.token not in self._undone]
        return sorted(given, key=lambda answer: answer.token)

    def standing(self, key: AnswerKey) -> StandingAnswer | None:
        """Return the answer that counts about an image; None where there is none."""
        given = self.of(key)
        return next(iter(StandingAnswers(given)), None) if given else None

    def people(self, key: AnswerKey) -> set[str]:
        """Return who has answered about an image, known items included."""
        return {answer.who for answer in self.of(key)}

    def of_other_finishes(self, key: AnswerKey) -> list[Answer]:
        """Return the answers about the same image in other finishes, oldest first."""
        others = self._finishes.get(key[0], set()) - {key} if key[1] else set()
        return sorted((answer for other in others for answer in self.of(other)), key=lambda answer: answer.token)

    def agreed(self) -> list[tuple[AnswerKey, Answer]]:
        """Return the images on which two people or more agree, the most recently answered first."""
        found = []
        for key in self._by_key:
            counted = [answer for answer in self.of(key) if answer.purpose != AnswerPurpose.KNOWN]
            kinds = {answer.kind for answer in counted}
            if len({answer.who for answer in counted}) > 1 and kinds in ({AnswerKind.ACCEPT}, {AnswerKind.REFUSE}):
                found.append((key, counted[-1]))
        return sorted(found, key=lambda pair: pair[1].token, reverse=True)

    def since(self, token: str) -> Sequence[Answer]:
        """Return the answers later than a token that were not undone."""
        return [
            answer
            for answer in self._by_token.values()
            if answer.token > token and answer.kind != AnswerKind.UNDO and answer.token not in self._undone
        ]
