"""The simulated shop's people: after a night they answer a few of the pictures that wait or are live.

Inputs: a shop, its naive model, random numbers of their own, so that no other event of a seed is drawn otherwise.
Outputs: answers in the store, as the console writes them, and the same words for the naive model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.keys import image_key
from tasks.answers.answer_log import write_answer

from .naive_answers import NaiveAnswers, Said, Word
from .naive_model import NaiveShop
from .shop_facts import Picture
from .simulated_shop import CATALOGUE, SimulatedShop
from .timeline import MANIFEST, OUTCOMES

PEOPLE = ("ada", "ben")
WORDS: Mapping[Word, int] = {"accept": 5, "refuse": 3, "retry": 2}
"""What they say -> how often."""
WAITING = ("review", "blocked")
EDITED = 0.3
"""How often another attempt comes with an edited prompt."""
UNDOES = 0.15
"""How often a person takes an earlier answer back instead."""
ASKED_AGAIN = 0.4
"""How often a picture is one that the other person has answered: so people come to differ."""
ENDS_CONFLICT = 0.3
"""How often a word about a picture on which people differ ends that."""


@dataclass
class SimulatedPeople:
    """Two people with keyboards."""

    shop: SimulatedShop
    model: NaiveShop
    dice: Random
    answers: NaiveAnswers = field(default_factory=NaiveAnswers)
    written: list[Answer] = field(default_factory=list)
    _targets: dict[Picture, ImageTarget] = field(default_factory=dict)

    def answer_some(self) -> list[str]:
        """Give a few answers; return them in words."""
        return [self._answer() for _ in range(self.dice.choice((0, 1, 1, 2, 3)))]

    def _answer(self) -> str:
        who = self.dice.choice(PEOPLE)
        earlier = self.answers.can_be_undone(who)
        if earlier and self.dice.random() < UNDOES:
            return self._undo(who, self.dice.choice(earlier[-5:]))
        picture = self._choose_picture(who)
        return "nothing waits" if picture is None else self._say(who, picture)

    def _undo(self, who: str, said: Said) -> str:
        answer = Answer(
            AnswerKind.UNDO, who, self.shop.clock.now(), image=self._targets[said.picture], undoes=said.token
        )
        self.answers.undo(said, self._write(answer))
        return f"{who} takes {said.word} of {said.picture} back"

    def _say(self, who: str, picture: Picture) -> str:
        word: Word = self.dice.choices(list(WORDS), list(WORDS.values()))[0]
        before = self.answers.standing(picture)
        ends = before is not None and before.word == "conflict" and self.dice.random() < ENDS_CONFLICT
        prompt = self._edited(picture) if word == "retry" and self.dice.random() < EDITED else ""
        reason = "colour" if word == "refuse" else ""
        answer = Answer(
            AnswerKind(word), who, self.shop.clock.now(), image=self._targets[picture], reason=reason, prompt=prompt,
            resolves=ends,
        )  # fmt: skip
        self.answers.add(Said(self._write(answer), who, word, picture, prompt, ends))
        self.model.hear(picture, prompt, is_retry=word == "retry")
        return f"{who} says {word}{' and ends the conflict' * ends} of {picture} {prompt}".rstrip()

    def _edited(self, picture: Picture) -> str:
        """Return another prompt for a picture; its images pass every policy and resemble nothing."""
        own = picture.content.split("|", 1)
        return f"good edit {len(self.written)} of {own[0]}|{own[1]}"

    def _write(self, answer: Answer) -> str:
        after = self.written[-1].token if self.written else ""
        self.written.append(write_answer(self.shop.store, CATALOGUE, answer, after=after))
        return self.written[-1].token

    def _choose_picture(self, who: str) -> Picture | None:
        """Choose one that waits, is live, or was answered before, and learn what an answer about it is bound to."""
        others = [said.picture for said in self.answers.given if said.who != who]
        if others and self.dice.random() < ASKED_AGAIN:
            return self.dice.choice(others[-5:])
        waiting, live = self._waiting(), self._live()
        found = waiting if waiting and (not live or self.dice.random() < 0.7) else live
        if not found:
            return None
        picture = self.dice.choice(sorted(found))
        self._targets[picture] = found[picture]
        return picture

    def _waiting(self) -> dict[Picture, ImageTarget]:
        rows = self.shop.tables.read(OUTCOMES).to_pylist() if self.shop.tables.version(OUTCOMES) is not None else []
        found = {}
        for row in rows:
            if row["state"] in WAITING and row["image_key"] is not None and row["pixel_sha"] is not None:
                found[self.shop.book.pictures[row["image_key"].hex()]] = _target(
                    row, row["image_key"], row["state"], row["reasons"] or (), row["collides_with"] or b""
                )
        return found

    def _live(self) -> dict[Picture, ImageTarget]:
        rows = self.shop.tables.read(MANIFEST).to_pylist() if self.shop.tables.version(MANIFEST) is not None else []
        keys = [bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"])) for row in rows]
        return {
            Picture(self.shop.book.contents[row["request_key"]], row["attempt"]): _target(row, key, "publish")
            for row, key in zip(rows, keys, strict=True)
        }


def _target(
    row: Mapping[str, Any], key: bytes, state: str, reasons: tuple[str, ...] = (), collides_with: bytes = b""
) -> ImageTarget:
    return ImageTarget(
        row["request_key"], key, row["finish_digest"], row["pixel_sha"], collides_with, state, tuple(reasons),
        row["sku"], row.get("view", ""), row.get("variant", ""),
    )  # fmt: skip
