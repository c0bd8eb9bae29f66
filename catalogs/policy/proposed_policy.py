"""Proposed policy: write the proposals of a threshold calibration into the fields of a policy file.

Inputs: a policy and its file's fields, the proposals. Outputs: the fields of a new policy file. A category's thresholds
are written only where they differ from the rule's, and the four thresholds of a rule stay in order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from catalogs.policy.schema import ImageRule, Policy
from catalogs.policy.threshold_calibration import ALL_CATEGORIES, Side
from catalogs.thresholds import Thresholds


class ProposedThreshold(Protocol):
    """What is read of a proposal, whatever it was made from."""

    @property
    def category(self) -> str:
        """Its product category, or `ALL_CATEGORIES`."""

    @property
    def score(self) -> str:
        """The rule's score."""

    @property
    def reason(self) -> str:
        """The rule's reason."""

    @property
    def side(self) -> Side:
        """Which of the rule's REVIEW thresholds it is."""

    @property
    def proposed(self) -> float | None:
        """The proposal; None leaves the threshold as it is."""

    @property
    def changes_threshold(self) -> bool:
        """Whether the proposal differs from the present threshold."""


def policy_with_proposals(
    content: Mapping[str, Any], policy: Policy, proposals: Sequence[ProposedThreshold], source: str
) -> dict[str, Any]:
    """Return the fields of a policy file with the proposals in it.

    `content` holds the fields of the present file (`{"extends": "default"}` for the built-in policy), from which
    `policy` was read. `source` is written into each changed rule as the origin of its thresholds.
    """
    changed = {}
    for rule in policy.image:
        own = [
            proposal
            for proposal in proposals
            if (proposal.score, proposal.reason) == (rule.score, rule.reason) and proposal.changes_threshold
        ]
        if own:
            changed[rule.score, rule.reason] = _rule_content(rule, own, source)
    image = [
        changed.pop((rule.get("score"), rule.get("reason", "")), dict(rule)) for rule in content.get("image") or ()
    ]
    return {**content, "version": policy.version + 1, "image": [*image, *changed.values()]}


def _limits_with_proposals(thresholds: Thresholds, proposals: Sequence[ProposedThreshold]) -> dict[str, float | None]:
    """Return the four thresholds with the proposals applied, still in order."""
    limits = {name: getattr(thresholds, name) for name in Thresholds.model_fields}
    for proposal in proposals:
        side, proposed, block = proposal.side, proposal.proposed, limits[f"block_{proposal.side}"]
        limits[f"review_{side}"] = proposed
        if block is not None and proposed is not None:
            limits[f"block_{side}"] = min(block, proposed) if side == "below" else max(block, proposed)
    return limits


def _rule_content(rule: ImageRule, proposals: Sequence[ProposedThreshold], source: str) -> dict[str, Any]:
    by_category: dict[str, list[ProposedThreshold]] = defaultdict(list)
    for proposal in proposals:
        by_category[proposal.category].append(proposal)
    base = _limits_with_proposals(rule, by_category.pop(ALL_CATEGORIES, []))
    content = rule.model_dump(mode="json", exclude_defaults=True, exclude={"categories", *Thresholds.model_fields})
    content |= {name: limit for name, limit in base.items() if limit is not None}
    categories = {}
    for name in sorted({*rule.categories, *by_category}):
        limits = _limits_with_proposals(rule.thresholds_for(name), by_category.get(name, []))
        # Written out where they differ: an omitted field means the rule's own threshold, which has moved.
        own = {field: limit for field, limit in limits.items() if limit != base[field]}
        if own:
            categories[name] = own
    return content | ({"categories": categories} if categories else {}) | {"source": source}
