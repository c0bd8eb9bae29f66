"""Release rule of a recipe: when a batch waits for a person's look before it goes live.

Inputs: the recipe's field `release`: `ask`, or a mapping. Outputs: a frozen `ReleaseRule`, and the sentence why a batch
of this catalogue waits. The rule changes no pixels, so it enters no digest: a shop turns it on and off without an image
being made again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from catalogs.recipe.render_settings import RecipeModel

ASK = "ask"
"""The short form: every batch waits."""

ChangedRule = Literal["recipe", "model", "policy"]


@dataclass(frozen=True)
class ReleaseFacts:
    """What the rule looks at: how often the catalogue was released, and by which rules it was released last.

    `full_releases` counts full runs that changed the release; `rules` maps `recipe`, `model` and `policy` to a digest,
    and lacks what is not known.
    """

    full_releases: int
    rules: Mapping[ChangedRule, str]


NO_FACTS = ReleaseFacts(0, {})
"""What is known of a catalogue without a release."""


class ReleaseRule(RecipeModel):
    """When a batch is held for a person's look before it goes live."""

    always: bool = Field(False, description="Every batch waits; `release: ask` says the same")
    first_nights: int = Field(
        0, ge=0, le=1000, description="Batches wait until this many full runs have changed the release"
    )
    after_change: tuple[ChangedRule, ...] = Field(
        (), description="A batch waits where one of these differs from that of the last release"
    )
    silent_after_hours: float = Field(
        24,
        gt=0,
        le=8760,
        allow_inf_nan=False,
        description="Hours without an answer after which the held batch is reported as overdue; it stays held",
    )

    @model_validator(mode="after")
    def _says_when(self) -> "ReleaseRule":
        if not (self.always or self.first_nights or self.after_change):
            raise ValueError("say when a batch waits: `always: true`, `first_nights` or `after_change`")
        return self

    def find_reason(self, before: ReleaseFacts, rules: Mapping[ChangedRule, str]) -> str | None:
        """Return why a batch decided by `rules` waits for a person, as the end of a sentence; None where it need not.

        What is not known of the last release counts as changed.
        """
        if self.always:
            return "every batch waits for a person's look"
        if before.full_releases < self.first_nights:
            return f"it is release {before.full_releases + 1} of the first {self.first_nights}"
        changed = [name for name in self.after_change if before.rules.get(name) != rules[name]]
        return f"{_listed(changed)} changed since the last release" if changed else None


def asking_always(rule: ReleaseRule | None) -> ReleaseRule:
    """Return the rule that holds every batch, silent after as long as a recipe's own rule says."""
    return ReleaseRule(always=True) if rule is None else rule.model_copy(update={"always": True})


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        if value != ASK:
            raise ValueError(f"give `{ASK}`, or a mapping with always, first_nights or after_change")
        return {"always": True}
    return value


ReleaseRuleField = Annotated[ReleaseRule | None, BeforeValidator(_parse)]
"""The recipe's field: `ask`, a mapping, or nothing."""


def _listed(names: Sequence[str]) -> str:
    named = [f"the {name}" for name in names]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
