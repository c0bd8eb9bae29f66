"""Near duplicates: images of a batch that are too similar to a published image or to one another.

Inputs: the batch's candidates, the published images near them, and the near pairs with their distance in bits
(`infra.imaging.hamming_index` finds them among millions). Outputs: one verdict for each candidate, and the image that
it collides with. Images of one request key are one image, so only different request keys are compared. Images of
different SKUs that keep the same photo's product show it alike by the catalogue's own word, so they are not compared.

The verdicts do not depend on the order of arrival. Published images come first; then candidates by request key, each
compared with published images and with the candidates that passed before it. A candidate that was refused, or that
waits for a person, suppresses no other: chains of "similar to the one before" do not grow, and an image that a person
lets pass is compared again.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogs.policy.schema import DuplicateRules
from catalogs.verdict import PASS, Verdict, combine_verdicts

NearPair = tuple[int, int, int]
"""Index of a candidate, index of the other image, distance in bits between the codes of frames or of products."""

AppearanceVector = Sequence[float]
"""Mean colour of the product in CIE Lab, and its long side over the frame's."""


@dataclass(frozen=True, slots=True)
class DuplicateCandidate:
    """One image of the batch: its SKUs, its PDQ-256 code and quality (0 to 100), the sha256 of its pixels.

    `crop` is the code of the product's own rectangle, empty if there is none.
    """

    request_key: bytes
    skus: tuple[str, ...]
    fingerprint: bytes
    quality: float
    pixel_sha: bytes
    crop: bytes = b""
    looks: AppearanceVector | None = None
    replaces: frozenset[bytes] = frozenset()
    """Live slots whose image this one replaces: it is not compared with what only they show."""
    is_accepted: bool = False
    """Whether a person has accepted it: it may differ from its SKU's other views, and is asked again, never blocked."""
    accepted_likeness: bytes = b""
    """Pixel sha of the one picture that it may resemble, since a person has seen both."""
    photo_sha: bytes = b""
    """sha256 of the photo whose product it keeps; empty without one."""

    def trusted_fingerprints(self, rules: DuplicateRules) -> tuple[bytes, bytes]:
        """Return the codes of frame and product that may be compared; a code of too low quality is empty."""
        return self.fingerprint if self.quality >= rules.quality_floor else b"", self.crop


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """One live image that stays: this run neither retires it nor, as far as is known, replaces it."""

    slot_id: bytes
    sku: str
    request_key: bytes
    pixel_sha: bytes
    fingerprint: bytes | None
    crop: bytes | None = None
    looks: AppearanceVector | None = None
    photo_sha: bytes = b""
    """sha256 of the photo whose product it keeps; empty without one, or where no candidate keeps the same."""


@dataclass(frozen=True, slots=True)
class DuplicateVerdict:
    """The verdict on one candidate, and the image that it collides with (the worst, then the nearest), or None."""

    verdict: Verdict
    collides_with: DuplicateCandidate | PublishedImage | None = None
    distance_bits: int | None = None


LIKENESS_REASONS = frozenset(
    {"duplicate-exact", "duplicate-near", "duplicate-maybe", "view-not-distinct", "views-differ"}
)
"""Reasons that speak of an image beside others; an image has them only if it passes by itself."""
VIEWS_DIFFER = Verdict("REVIEW", ("views-differ",))


@dataclass(frozen=True, slots=True)
class _ComparedImage:
    """An image that a candidate may not resemble, with all of its SKUs."""

    image: DuplicateCandidate | PublishedImage
    skus: frozenset[str]
    slots: frozenset[bytes] = frozenset()
    """The live slots that show it; empty for a candidate."""


@dataclass(frozen=True, slots=True)
class _Collision:
    verdict: Verdict
    bits: int
    image: DuplicateCandidate | PublishedImage

    @property
    def rank(self) -> tuple[int, int, bool, bytes, bytes]:
        """Return the sort key: the worst first, then the nearest, then published images, then by request key."""
        slot = self.image.slot_id if isinstance(self.image, PublishedImage) else b""
        return (-self.verdict.severity, self.bits, not slot, self.image.request_key, slot)


def is_refused_for_likeness(reasons: Iterable[str]) -> bool:
    """Tell whether an image was refused for how it looks beside other images, and not for itself."""
    return not LIKENESS_REASONS.isdisjoint(reasons)


def judge_duplicates(
    candidates: Sequence[DuplicateCandidate],
    published: Sequence[PublishedImage],
    candidate_pairs: Iterable[NearPair],
    published_pairs: Iterable[NearPair],
    rules: DuplicateRules,
) -> list[DuplicateVerdict]:
    """Return the verdict on each candidate, in the order given.

    `candidate_pairs` holds pairs of candidates (in either direction or both), `published_pairs` pairs of a candidate
    and a published image, by trusted codes (`DuplicateCandidate.trusted_fingerprints`), up to `rules.review_bits`
    apart; farther pairs are ignored, and of two pairs of the same images the nearer counts. `published` needs only the
    images that a pair names and those that share a candidate's `pixel_sha` or SKU. Images with equal `pixel_sha` are
    found here, without a pair. Candidates of one request key (in two finishes, for example) are never compared.
    """
    near_candidates = _near_distances(candidate_pairs, len(candidates), rules, within=True)
    near_published = _near_distances(published_pairs, len(published), rules, within=False)
    outliers = outlier_views(candidates, published, rules)
    published_images = _merge_published(published)
    published_by_sha: dict[bytes, list[int]] = defaultdict(list)
    for index, image in enumerate(published):
        published_by_sha[image.pixel_sha].append(index)
    passed_by_sha: dict[bytes, list[int]] = defaultdict(list)
    passed: dict[int, _ComparedImage] = {}
    verdicts: dict[int, DuplicateVerdict] = {}
    for index in sorted(range(len(candidates)), key=lambda index: _sort_key(candidates[index])):
        candidate = candidates[index]
        bits_published = near_published[index] | dict.fromkeys(published_by_sha.get(candidate.pixel_sha, ()), 0)
        bits_candidates = near_candidates[index] | dict.fromkeys(passed_by_sha.get(candidate.pixel_sha, ()), 0)
        images = [(published_images[other], bits) for other, bits in bits_published.items()]
        images += [(passed[other], bits) for other, bits in bits_candidates.items() if other in passed]
        differs = index in outliers and not candidate.is_accepted
        verdicts[index] = _judge_candidate(candidate, images, rules, VIEWS_DIFFER if differs else PASS)
        if verdicts[index].verdict.decision == "PASS":
            passed[index] = _ComparedImage(candidate, frozenset(candidate.skus))
            passed_by_sha[candidate.pixel_sha].append(index)
    return [verdicts[index] for index in range(len(candidates))]


def _sort_key(candidate: DuplicateCandidate) -> tuple[bytes, bytes, tuple[str, ...]]:
    return (candidate.request_key, candidate.pixel_sha, candidate.skus)


def _near_distances(
    pairs: Iterable[NearPair], image_count: int, rules: DuplicateRules, *, within: bool
) -> dict[int, dict[int, int]]:
    """Return candidate -> other -> bits, for pairs up to `rules.review_bits` apart."""
    near: dict[int, dict[int, int]] = defaultdict(dict)
    for one, other, bits in pairs:
        if other >= image_count:
            raise IndexError(f"a pair names the image {other!r}, and there are {image_count} images")
        if bits <= rules.review_bits:
            for source, target in ((one, other), (other, one)) if within else ((one, other),):
                near[source][target] = min(bits, near[source].get(target, bits))
    return near


def _merge_published(published: Sequence[PublishedImage]) -> list[_ComparedImage]:
    """Return for each row the image that stands for all rows of it, with all their SKUs: size variants share one."""
    rows: dict[tuple[bytes, bytes], list[PublishedImage]] = defaultdict(list)
    for image in published:
        rows[image.request_key, image.pixel_sha].append(image)
    merged = {
        key: _ComparedImage(
            min(same, key=lambda image: image.slot_id),
            frozenset(image.sku for image in same),
            frozenset(image.slot_id for image in same),
        )
        for key, same in rows.items()
    }
    return [merged[image.request_key, image.pixel_sha] for image in published]


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
    if candidate.is_accepted:  # a likeness that the person did not see: it is asked again
        verdict = Verdict("REVIEW", verdict.reasons)
    return DuplicateVerdict(verdict, collisions[0].image, collisions[0].bits)


def _collisions(
    candidate: DuplicateCandidate, images: Iterable[tuple[_ComparedImage, int]], rules: DuplicateRules
) -> Iterator[_Collision]:
    for other, bits in images:
        if other.image.request_key == candidate.request_key or (other.slots and other.slots <= candidate.replaces):
            continue
        if other.image.pixel_sha == candidate.accepted_likeness:
            continue
        exact = other.image.pixel_sha == candidate.pixel_sha
        same_sku = not other.skus.isdisjoint(candidate.skus)
        if not same_sku and candidate.photo_sha and candidate.photo_sha == other.image.photo_sha:
            continue  # one photo, named by two rows: the report says which SKUs share it
        if not exact and not same_sku and colour_distance(candidate, other.image) > rules.colour_apart:
            continue  # colour variants of one product: PDQ codes are computed on grey levels
        verdict = _judge_pair(exact, bits, same_sku, rules)
        if verdict != PASS:
            yield _Collision(verdict, bits, other.image)


def colour_distance(one: DuplicateCandidate | PublishedImage, other: DuplicateCandidate | PublishedImage) -> float:
    """Return the distance of two products' mean colours in CIE Lab (CIE76); 0 if one of them is not known."""
    return math.dist(one.looks[:3], other.looks[:3]) if one.looks and other.looks else 0.0


def outlier_views(
    candidates: Sequence[DuplicateCandidate], published: Sequence[PublishedImage], rules: DuplicateRules
) -> set[int]:
    """Return the candidates that differ from most other images of their SKU: in hue, or by far in size."""
    views: dict[str, dict[bytes, AppearanceVector]] = defaultdict(dict)
    replaced = frozenset(slot for candidate in candidates for slot in candidate.replaces)
    for image in published:
        if image.looks and image.slot_id not in replaced:
            views[image.sku][image.request_key] = image.looks
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
    others = [other for other_key, other in views.items() if other_key != key]
    return 2 * sum(_looks_different(appearance, other, rules) for other in others) > len(others)


def _looks_different(one: AppearanceVector, other: AppearanceVector, rules: DuplicateRules) -> bool:
    """Tell whether two images show two products. Lightness is ignored: it depends on lighting."""
    hue_differs = rules.view_colour is not None and math.dist(one[1:3], other[1:3]) > rules.view_colour
    small, large = sorted((one[3], other[3]))
    return hue_differs or (rules.view_extent is not None and large > rules.view_extent * small)


def _judge_pair(exact: bool, bits: int, same_sku: bool, rules: DuplicateRules) -> Verdict:
    """Return the verdict on two images of different request keys.

    Views of one SKU may be fairly similar, since they show the same product.
    """
    if same_sku:
        return Verdict("BLOCK", ("view-not-distinct",), retryable=True) if exact or bits <= rules.near_bits else PASS
    if exact:
        return Verdict(rules.exact_other_sku, ("duplicate-exact",))
    if bits <= rules.near_bits:
        return Verdict("BLOCK", ("duplicate-near",), retryable=True)
    return Verdict("REVIEW", ("duplicate-maybe",)) if bits <= rules.review_bits else PASS
