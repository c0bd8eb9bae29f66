"""What must hold of people's answers (promise 11), whatever the naive model lets a picture do that was answered.

Inputs: the people, the shop's commits, and its quiet nights. Outputs: violations in words. A run takes answers that
were given before it began and that no sweep has forgotten; a rollback after an answer is the later word in the slots
that it moves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from catalogs.answers.answer import Answer
from catalogs.runs.commit_kinds import RELEASE_KIND, ROLLBACK_KIND
from tasks.answers.answer_log import read_all_answers, read_answers

from .naive_answers import Standing
from .shop_facts import Picture, Slot
from .simulated_people import SimulatedPeople
from .simulated_shop import CATALOGUE
from .timeline import CommitEvent, Timeline

KEPT_BACK = frozenset({"refuse", "retry", "conflict"})
"""Words against which no run publishes a picture."""


@dataclass
class PeopleCheck:
    """Judges commits and nights by what people had said before them."""

    people: SimulatedPeople
    timeline: Timeline
    _rolled_back: dict[Slot, str] = field(default_factory=dict)
    """Slot -> when a rollback last changed what it shows."""

    def commit(self, event: CommitEvent) -> Iterator[str]:
        """Yield what a commit published against people's words; remember what a rollback moved."""
        self._forget()
        if not event.to_manifest or event.kind not in (RELEASE_KIND, ROLLBACK_KIND):
            return
        before = self.timeline.live_at(event.version - 1) if event.version else {}
        after = self.timeline.live_at(event.version)
        if event.kind == ROLLBACK_KIND:
            moved = {slot for slot in before.keys() | after.keys() if before.get(slot) != after.get(slot)}
            self._rolled_back.update(dict.fromkeys(moved, _moment(event.at)))
            return
        for slot, picture in sorted(after.items()):
            standing = self.people.answers.standing(picture)
            if before.get(slot) == picture or standing is None or standing.since > event.run_id:
                continue
            if standing.word in KEPT_BACK:
                yield f"{event.run_id} publishes {picture} in {_name(slot)}, of which people say {standing.word}"

    def quiet_night(self, run_id: str, live: Mapping[Slot, Picture], reasons: Mapping[Slot, str]) -> Iterator[str]:
        """Yield what a full refresh without a disturbance left undone. `reasons`: of outcomes, by slot."""
        self._forget()
        for picture, standing in self.people.answers.standing_by_picture():
            if standing.since > run_id:
                continue
            if standing.word == "refuse":
                yield from self._still_live(picture, standing, live)
            elif standing.word == "retry" and not standing.prompt:
                yield from self._still_live(picture, standing, {s: p for s, p in live.items() if s not in reasons})
            elif standing.word == "accept":
                yield from self._not_live(picture, standing, live, reasons)

    def lost(self) -> Iterator[str]:
        """Yield the answers that cannot be read back as they were written."""
        read = {answer.token: answer for answer in read_all_answers(self.people.shop.store, CATALOGUE)}
        for answer in self.people.written:
            if answer.token not in read:
                yield f"the answer {answer.token} of {answer.who} is lost"
            elif _essence(read[answer.token]) != _essence(answer):
                yield f"the answer {answer.token} of {answer.who} reads otherwise than it was written"

    def _forget(self) -> None:
        """Forget what a sweep took out of the answers that may have an effect."""
        self.people.answers.keep({answer.token for answer in read_answers(self.people.shop.store, CATALOGUE)})

    def _still_live(self, picture: Picture, standing: Standing, live: Mapping[Slot, Picture]) -> Iterator[str]:
        for slot, shown in sorted(live.items()):
            if shown == picture and self._rolled_back.get(slot, "") < standing.since:
                yield f"{_name(slot)} still shows {picture}, of which people say {standing.word}, and nothing waits"

    def _not_live(
        self, picture: Picture, standing: Standing, live: Mapping[Slot, Picture], reasons: Mapping[Slot, str]
    ) -> Iterator[str]:
        """Yield the slots that ask for an accepted picture's content and show nothing of it, without a later word.

        A rollback after the acceptance is one, also where somebody takes another word back after it.
        """
        model = self.people.model
        if self._has_newer_word(picture, standing):
            return
        for slot in model.asked():
            shown = live.get(slot)
            if model.content_of(slot) != picture.content or (shown is not None and shown.content == picture.content):
                continue
            is_alike = "duplicate-" in reasons.get(slot, "") or "views-differ" in reasons.get(slot, "")
            if not is_alike and self._rolled_back.get(slot, "") < standing.given:
                yield f"{_name(slot)} does not show {picture}, which people accepted: {reasons.get(slot, 'no outcome')}"

    def _has_newer_word(self, picture: Picture, standing: Standing) -> bool:
        """Tell whether something was said later of another picture of the same prompt, or its prompt was edited."""
        others = [
            other
            for about, other in self.people.answers.standing_by_picture()
            if about != picture and about.content == picture.content
        ]
        return any(other.since > standing.since or other.prompt for other in others)


def _essence(answer: Answer) -> tuple[object, ...]:
    return answer.kind, answer.who, answer.image, answer.reason, answer.prompt, answer.undoes, answer.resolves


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S%f}"


def _name(slot: Slot) -> str:
    return f"{slot.sku}/{slot.view}"
