"""Former requests: the keys that older versions gave to the request that a slot has now.

Inputs: a stale slot with its rendered request; the live release and the outcomes; the negative prompts of the recipes
that made what is live. Outputs: the request under a key of old, where an image, a refusal or a withdrawal is bound to
it. Two readings have changed: numbers were read as exponents (`catalogs.ingest.values.number_text`), and a negative
prompt was part of the key at guidance 0, where the model never sees it.

So nothing is made again, and nothing that was refused or taken away comes back, because a key is computed otherwise.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from catalogs.errors import RuleFileError
from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.planning.plan import Request
from catalogs.planning.version_selection import StaleSlot
from catalogs.recipe.schema import Recipe
from catalogs.recipe.templates import TemplateRenderer, compile_template


@dataclass
class FormerRequests:
    """The former requests of one plan's slots. `read_negatives` is asked once, and only where a slot may need it."""

    recipe: Recipe
    live: CurrentRelease
    outcomes: OutcomeIndex
    read_negatives: Callable[[], Sequence[str]] = tuple
    _compiled: Sequence[TemplateRenderer] | None = field(default=None, init=False)

    def find_live(self, slot: StaleSlot, version: int, request: Request) -> Request | None:
        """Return the request as the slot's live image was made for it; None where it was made for another one."""
        if not slot.is_live:
            return None
        for rendered in (request, *slot.build_exponents(version)):
            for each in (rendered, *self.variants(slot, version, rendered)):
                if self.live.has_request_key(slot.live_position, each.key):
                    return each
        return None

    def variants(self, slot: StaleSlot, version: int, request: Request) -> Iterator[Request]:
        """Yield the request with each negative prompt that it may have had at guidance 0."""
        if len(self.live) or len(self.outcomes):
            builder = slot.builders.builders[version]
            yield from builder.build_former(slot.row_position, request, self._templates)

    def other_keys(self, slot: StaleSlot, version: int, request: Request) -> list[bytes]:
        """Return under which other keys the same request may be known: of other model versions, and of old."""
        former = (each.key for each in self.variants(slot, version, request))
        return [*slot.keys_under_others(version, request), *former]

    def share(self, slot: StaleSlot, version: int, request: Request) -> Request:
        """Return the request to decide: under a key of old, where only that is known in the catalogue.

        A new size of a shirt shares the image that the shirt's other sizes show.
        """
        for former in self.variants(slot, version, request):
            if self._is_known(request):
                break
            if self._is_known(former):
                return former
        return request

    def _is_known(self, request: Request) -> bool:
        return self.live.shows_request(request.key) or self.outcomes.has_request(request.key)

    def _templates(self) -> Sequence[TemplateRenderer]:
        """Return the former negatives' templates, which are read once.

        No `cached_property`: before Python 3.12 it holds one lock for the plans of all threads while the store is read.
        """
        if self._compiled is None:
            self._compiled = list(self._compile(self.read_negatives()))
        return self._compiled

    def _compile(self, texts: Iterable[str]) -> Iterator[TemplateRenderer]:
        for text in texts:
            with suppress(RuleFileError):  # it used fields that the recipe has no more
                yield compile_template(text, self.recipe.template_fields, "a former negative")
