"""Which pictures of a batch are too like another: like a published one, or like one another.

Comes in: the batch's candidates, the published pictures near them, and the pairs that are near with their distance in
bits (finding them among millions is somebody else's work). Goes out: one verdict a candidate, and the picture that it
collides with. Pictures of one request key are one picture, so only different request keys are compared.

The order of arrival decides nothing. Published pictures come first; then candidates by request key, each compared
with published ones and with those candidates that passed before it. What was itself refused, or waits for a person,
suppresses nobody: chains of "like the one before" do not grow, and whoever lets a waiting picture go compares it anew.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogs.policy.schema import DuplicateRules
from catalogs.verdict import PASS, Verdict, combine_verdicts

NearPair = tuple[int, int, int]
"""Index of a candidate, index of the other picture, distance in bits: of the frames' codes, or of the products'."""

AppearanceVector = Sequence[float]
"""Mean colour of the product in CIE Lab, and its long side over the frame's."""


@dataclass(frozen=True, slots=True)
class DuplicateCandidate:
    """One picture of the batch: the SKUs it is for, its PDQ-256 code and quality (0 to 100), its pixels' sha.

    `crop` is the code of the product's own rectangle, empty where there is none.
    """

    request_key: bytes
    skus: tuple[str, ...]
    fingerprint: bytes
    quality: float
    pixel_sha: bytes
    crop: bytes = b""
    looks: AppearanceVector | None = None

    def trusted_fingerprints(self, rules: DuplicateRules) -> tuple[bytes, bytes]:
        """Return the codes of frame and product that may be compared; empty where one is not to be trusted."""
        return self.fingerprint if self.quality >= rules.quality_floor else b"", self.crop


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """One live picture that this run neither replaces nor retires."""

    slot_id: bytes
    sku: str
    request_key: bytes
    pixel_sha: bytes
    fingerprint: bytes | None
    crop: bytes | None = None
    looks: AppearanceVector | None = None


@dataclass(frozen=True, slots=True)
class DuplicateVerdict:
    """The word on one candidate, and what it collides with (the worst, then the nearest): None if nothing."""

    verdict: Verdict
    collides_with: DuplicateCandidate | PublishedImage | None = None
    distance_bits: int | None = None


VIEWS_DIFFER = Verdict("REVIEW", ("views-differ",))


@dataclass(frozen=True, slots=True)
class _ComparedImage:
    """A picture that a candidate may not resemble, with all the SKUs that it is for."""

    image: DuplicateCandidate | PublishedImage
    skus: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Collision:
    verdict: Verdict
    bits: int
    image: DuplicateCandidate | PublishedImage

    @property
    def rank(self) -> tuple[int, int, bool, bytes, bytes]:
        """Return the worst first, then the nearest, then published ones, then by key."""
        slot = self.image.slot_id if isinstance(self.image, PublishedImage) else b""
        return (-self.verdict.severity, self.bits, not slot, self.image.request_key, slot)


def judge_duplicates(
    candidates: Sequence[DuplicateCandidate],
    published: Sequence[PublishedImage],
    candidate_pairs: Iterable[NearPair],
    published_pairs: Iterable[NearPair],
    rules: DuplicateRules,
) -> list[DuplicateVerdict]:
    """Return the word on each candidate, in the order given.

    `among` holds pairs of candidates (in either direction or both), `against` pairs of a candidate and a published
    picture, by codes that may be trusted (`Candidate.codes`), each up to `rules.review_bits` apart; farther ones are
    ignored, and of two pairs of the same pictures the nearer counts. `published` needs only those that a pair names and
    those that share a candidate's `pixel_sha` or SKU. Pictures of one pixel sha are found here, whatever the pairs.
    Candidates of one request key (in two finishes, say) are never compared with each other.
    """
    near_candidates = _near_distances(candidate_pairs, len(candidates), rules, within=True)
    near_published = _near_distances(published_pairs, len(published), rules, within=False)
    odd = outlier_views(candidates, published, rules)
    others = _merge_published(published)
    live_by_sha: dict[bytes, list[int]] = defaultdict(list)
    for index, picture in enumerate(published):
        live_by_sha[picture.pixel_sha].append(index)
    passed_by_sha: dict[bytes, list[int]] = defaultdict(list)
    passed: dict[int, _ComparedImage] = {}
    answers: dict[int, DuplicateVerdict] = {}
    for index in sorted(range(len(candidates)), key=lambda index: _sort_key(candidates[index])):
        candidate = candidates[index]
        bits_published = near_published[index] | dict.fromkeys(live_by_sha.get(candidate.pixel_sha, ()), 0)
        bits_candidates = near_candidates[index] | dict.fromkeys(passed_by_sha.get(candidate.pixel_sha, ()), 0)
        pictures = [(others[other], bits) for other, bits in bits_published.items()]
        pictures += [(passed[other], bits) for other, bits in bits_candidates.items() if other in passed]
        answers[index] = _judge_candidate(candidate, pictures, rules, VIEWS_DIFFER if index in odd else PASS)
        if answers[index].verdict.decision == "PASS":
            passed[index] = _ComparedImage(candidate, frozenset(candidate.skus))
            passed_by_sha[candidate.pixel_sha].append(index)
    return [answers[index] for index in range(len(candidates))]


def _sort_key(candidate: DuplicateCandidate) -> tuple[bytes, bytes, tuple[str, ...]]:
    return (candidate.request_key, candidate.pixel_sha, candidate.skus)


def _near_distances(
    pairs: Iterable[NearPair], known: int, rules: DuplicateRules, *, within: bool
) -> dict[int, dict[int, int]]:
    """Return candidate -> other -> bits, for pairs that are near enough."""
    near: dict[int, dict[int, int]] = defaultdict(dict)
    for one, other, bits in pairs:
        if other >= known:
            raise IndexError(f"a pair names the picture {other!r}, and there are {known}")
        if bits <= rules.review_bits:
            for here, there in ((one, other), (other, one)) if within else ((one, other),):
                near[here][there] = min(bits, near[here].get(there, bits))
    return near


def _merge_published(published: Sequence[PublishedImage]) -> list[_ComparedImage]:
    """Let one row stand for all rows that show the same picture, with all their SKUs: size variants share one."""
    rows: dict[tuple[bytes, bytes], list[PublishedImage]] = defaultdict(list)
    for picture in published:
        rows[picture.request_key, picture.pixel_sha].append(picture)
    others = {
        key: _ComparedImage(min(same, key=lambda picture: picture.slot_id), frozenset(picture.sku for picture in same))
        for key, same in rows.items()
    }
    return [others[picture.request_key, picture.pixel_sha] for picture in published]


def _judge_candidate(
    candidate: DuplicateCandidate,
    images: Iterable[tuple[_ComparedImage, int]],
    rules: DuplicateRules,
    own_verdict: Verdict,
) -> DuplicateVerdict:
    collisions = sorted(_collisions(candidate, images, rules), key=lambda collision: collision.rank)
    if not collisions:
        return DuplicateVerdict(own_verdict)
    verdict = combine_verdicts([own_verdict, *(collision.verdict for collision in collisions)])
    return DuplicateVerdict(verdict, collisions[0].image, collisions[0].bits)


def _collisions(
    candidate: DuplicateCandidate, images: Iterable[tuple[_ComparedImage, int]], rules: DuplicateRules
) -> Iterator[_Collision]:
    for other, bits in images:
        if other.image.request_key == candidate.request_key:
            continue
        exact = other.image.pixel_sha == candidate.pixel_sha
        same_sku = not other.skus.isdisjoint(candidate.skus)
        if not exact and not same_sku and colour_distance(candidate, other.image) > rules.colour_apart:
            continue  # the red one and the blue one of a product, whose codes are grey
        verdict = _judge_pair(exact, bits, same_sku, rules)
        if verdict != PASS:
            yield _Collision(verdict, bits, other.image)


def colour_distance(one: DuplicateCandidate | PublishedImage, other: DuplicateCandidate | PublishedImage) -> float:
    """Return the distance of two products' mean colours in CIE Lab (CIE76); 0 where one of them is not known."""
    return math.dist(one.looks[:3], other.looks[:3]) if one.looks and other.looks else 0.0


def outlier_views(
    candidates: Sequence[DuplicateCandidate], published: Sequence[PublishedImage], rules: DuplicateRules
) -> set[int]:
    """Return the candidates that look unlike most other pictures of their SKU: of another hue, or far larger."""
    views: dict[str, dict[bytes, AppearanceVector]] = defaultdict(dict)
    for picture in published:
        if picture.looks:
            views[picture.sku][picture.request_key] = picture.looks
    for candidate in candidates:
        for sku in candidate.skus if candidate.looks else ():
            views[sku][candidate.request_key] = candidate.looks or ()
    return {
        index
        for index, candidate in enumerate(candidates)
        if candidate.looks
        and any(_is_outlier_view(candidate.looks, candidate.request_key, views[sku], rules) for sku in candidate.skus)
    }


def _is_outlier_view(
    appearance: AppearanceVector, key: bytes, views: Mapping[bytes, AppearanceVector], rules: DuplicateRules
) -> bool:
    others = [other for name, other in views.items() if name != key]
    return 2 * sum(_looks_different(appearance, other, rules) for other in others) > len(others)


def _looks_different(one: AppearanceVector, other: AppearanceVector, rules: DuplicateRules) -> bool:
    """Tell whether two pictures show two products; lightness is not asked, since the lamp stands where it stands."""
    hue = rules.view_colour is not None and math.dist(one[1:3], other[1:3]) > rules.view_colour
    small, large = sorted((one[3], other[3]))
    return hue or (rules.view_extent is not None and large > rules.view_extent * small)


def _judge_pair(exact: bool, bits: int, same_sku: bool, rules: DuplicateRules) -> Verdict:
    """Return the word on two pictures of different request keys.

    Views of one SKU may be fairly alike: they show the same thing.
    """
    if same_sku:
        return Verdict("BLOCK", ("view-not-distinct",), retryable=True) if exact or bits <= rules.near_bits else PASS
    if exact:
        return Verdict(rules.exact_other_sku, ("duplicate-exact",))
    if bits <= rules.near_bits:
        return Verdict("BLOCK", ("duplicate-near",), retryable=True)
    return Verdict("REVIEW", ("duplicate-maybe",)) if bits <= rules.review_bits else PASS
