"""Attempt selection: the attempt chosen for each request, compared with other images.

Inputs: the attempt histories of a run, the published fingerprints and the policy. Outputs: for each (request, finish)
its selected attempt, with a near-duplicate verdict if it passed by itself; and the requests that another seed may help.
The selection depends only on what was generated and measured, never on the order in which shards were done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalogs.policy.duplicates import DuplicateCandidate, DuplicateVerdict, judge_duplicates
from catalogs.policy.schema import Policy
from catalogs.runs.attempts import Attempt, AttemptHistory, RequestFinishKey
from catalogs.verdict import Verdict
from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates


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


@dataclass(frozen=True)
class AttemptSelector:
    """Selects the attempt that stands for each request, and compares the passing ones."""

    histories: Mapping[RequestFinishKey, AttemptHistory]
    skus: Mapping[RequestFinishKey, tuple[str, ...]]
    published: PublishedFingerprints
    policy: Policy

    def select_attempts(
        self, excluded: Mapping[RequestFinishKey, set[int]]
    ) -> tuple[dict[RequestFinishKey, SelectedAttempt], list[RequestFinishKey]]:
        """Return the selected attempt of each request, and the requests that another seed may help.

        `excluded` holds the attempts that may not be selected, by request.
        """
        attempts = {
            key: history.select_attempt(excluded.get(key, frozenset())) for key, history in self.histories.items()
        }
        passing = {key: attempt for key, attempt in attempts.items() if attempt.verdict == "PASS"}
        candidates = [self._duplicate_candidate(key, attempt) for key, attempt in passing.items()]
        within, published, against = find_near_duplicates(candidates, self.published, self.policy.duplicates)
        verdicts = judge_duplicates(candidates, published, within, against, self.policy.duplicates)
        distinctness = dict(zip(passing, verdicts, strict=True))
        selected = {
            key: SelectedAttempt(attempt, distinctness.get(key), self.histories[key].attempts_spent)
            for key, attempt in attempts.items()
        }
        return selected, [key for key in passing if distinctness[key].verdict.retryable]

    def _duplicate_candidate(self, key: RequestFinishKey, attempt: Attempt) -> DuplicateCandidate:
        return DuplicateCandidate(
            request_key=key[0],
            skus=self.skus.get(key, ()),
            fingerprint=attempt.fingerprint,
            quality=attempt.fingerprint_quality,
            pixel_sha=attempt.finished_sha,
            crop=attempt.crop or b"",
            looks=attempt.appearance,
        )
