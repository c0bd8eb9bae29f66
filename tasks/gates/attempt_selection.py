"""Attempt selection: the attempt chosen for each request and category, compared with other images.

Inputs: the attempt histories of a run, the plan's slots by judged request, the published fingerprints and the policy.
Outputs: for each judged request its selected attempt, with a near-duplicate verdict if it passed by itself; and the
requests that another seed may help. The selection depends only on what was generated and measured, never on the order
in which shards were done.

A live image of a slot that the run decides stays live where the slot's new image does not pass. Which ones stay is
known only after the comparison, so it is repeated with those images, until no further one stays. An image that has
stayed once is compared in every later round, so the rounds end, and the result does not depend on an order.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from catalogs.photos.kept_request import kept_photo_sha
from catalogs.policy.duplicates import DuplicateCandidate, DuplicateVerdict, judge_duplicates
from catalogs.policy.schema import Policy
from catalogs.runs.answered_attempts import accepted_likeness
from catalogs.runs.attempts import Attempt, AttemptHistory, RequestFinishKey
from catalogs.runs.judged_requests import JudgedRequest, SlotGroup
from catalogs.verdict import Verdict
from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates

StayingSlots = frozenset[bytes]
"""Live slots of the plan that keep the image they have."""
_ImageId = tuple[RequestFinishKey, int]
"""A request in one finish, and the number of the attempt: one image, whichever categories select it."""


@dataclass(frozen=True, slots=True)
class SelectedAttempt:
    """The attempt that stands for a request, with its near-duplicate verdict if it passed by itself."""

    attempt: Attempt
    distinctness: DuplicateVerdict | None
    attempts_spent: int

    @property
    def verdict(self) -> Verdict:
        if self.distinctness is not None and self.distinctness.verdict.decision != "PASS":
            return self.distinctness.verdict
        return Verdict(self.attempt.verdict, self.attempt.reasons)  # type: ignore[arg-type]

    @property
    def collides_with(self) -> bytes | None:
        """Return the pixel sha of the picture that the image is too similar to; None where it is refused for itself.

        Of an image that a person has accepted beside a similar one, that one.
        """
        distinctness = self.distinctness
        if self.attempt.is_accepted and self.verdict.decision == "PASS":
            return accepted_likeness(self.attempt) or None
        if distinctness is None or distinctness.collides_with is None or distinctness.verdict.decision == "PASS":
            return None
        return distinctness.collides_with.pixel_sha


Selection = dict[JudgedRequest, SelectedAttempt]


@dataclass(frozen=True)
class AttemptSelector:
    """Selects the attempt that stands for each judged request, and compares the passing ones."""

    histories: Mapping[JudgedRequest, AttemptHistory]
    groups: Mapping[JudgedRequest, SlotGroup]
    open_published: Callable[[StayingSlots], PublishedFingerprints]
    """Returns the live images to compare with: those outside the plan, and those of the slots given."""
    policy: Policy
    _opened: dict[StayingSlots, PublishedFingerprints] = field(default_factory=dict)

    def select_attempts(self, excluded: Mapping[JudgedRequest, Set[int]]) -> tuple[Selection, list[JudgedRequest]]:
        """Return the selected attempt of each request, and the requests that another seed may help.

        `excluded` holds the attempts that may not be selected, by request.
        """
        attempts = {
            key: history.select_attempt(excluded.get(key, frozenset())) for key, history in self.histories.items()
        }
        selected = {key: SelectedAttempt(attempt, None, 0) for key, attempt in attempts.items()}
        staying = self._find_staying(selected)
        while True:
            selected, retryable = self._compare(attempts, staying)
            further = staying | self._find_staying(selected)
            if further == staying:
                return selected, retryable
            staying = further

    def _find_staying(self, selected: Mapping[JudgedRequest, SelectedAttempt]) -> StayingSlots:
        staying: set[bytes] = set()
        for key, group in self.groups.items():
            staying.update(group.refused)
            if group.live and (key not in selected or selected[key].verdict.decision != "PASS"):
                staying.update(group.live)
        return frozenset(staying)

    def _compare(
        self, attempts: Mapping[JudgedRequest, Attempt], staying: StayingSlots
    ) -> tuple[Selection, list[JudgedRequest]]:
        """Compare the attempts that pass with one another, and with the live images outside the plan and staying."""
        images: dict[_ImageId, list[JudgedRequest]] = defaultdict(list)
        for key, attempt in attempts.items():
            if attempt.verdict == "PASS":
                images[key.pair, attempt.attempt].append(key)
        candidates = [self._duplicate_candidate(keys, attempts[keys[0]]) for keys in images.values()]
        verdicts = self._judge(candidates, staying) if candidates else []
        distinctness = dict(zip(images, verdicts, strict=True))
        selected = {
            key: SelectedAttempt(
                attempt,
                distinctness[key.pair, attempt.attempt] if attempt.verdict == "PASS" else None,
                self.histories[key].attempts_spent,
            )
            for key, attempt in attempts.items()
        }
        return selected, [
            key for image, keys in images.items() if distinctness[image].verdict.retryable for key in keys
        ]

    def _judge(self, candidates: list[DuplicateCandidate], staying: StayingSlots) -> list[DuplicateVerdict]:
        fingerprints = self._open(staying)
        within, published, against = find_near_duplicates(candidates, fingerprints, self.policy.duplicates)
        return judge_duplicates(candidates, published, within, against, self.policy.duplicates)

    def _open(self, staying: StayingSlots) -> PublishedFingerprints:
        if staying not in self._opened:
            self._opened.clear()  # one index at a time: it holds every live image
            self._opened[staying] = self.open_published(staying)
        return self._opened[staying]

    def _duplicate_candidate(self, keys: list[JudgedRequest], attempt: Attempt) -> DuplicateCandidate:
        groups = [self.groups[key] for key in keys]
        return DuplicateCandidate(
            request_key=keys[0].request_key,
            skus=tuple(sorted(set().union(*(group.skus for group in groups)))),
            fingerprint=attempt.fingerprint,
            quality=attempt.fingerprint_quality,
            pixel_sha=attempt.finished_sha,
            crop=attempt.crop or b"",
            looks=attempt.appearance,
            replaces=frozenset(slot for group in groups for slot in group.live),
            is_accepted=attempt.is_accepted,
            accepted_likeness=accepted_likeness(attempt),
            photo_sha=kept_photo_sha(attempt.kept),
        )
