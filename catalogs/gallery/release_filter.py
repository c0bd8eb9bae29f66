"""Release filter: which images of a release a person wants to see.

Inputs: words of a request, of any origin. Outputs: a frozen `ReleaseFilter`. An empty word restricts nothing.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ReleaseFilter:
    """The images whose SKU begins with `sku`, and that have this view, variant, channel, model version and mode."""

    sku: str = ""
    view: str = ""
    variant: str = ""
    channel: str = ""
    model: str = ""
    """A model's version, such as `z-image-turbo/3`; the model's name where it has no version."""
    mode: str = ""
    """How a product was kept (`white`, `backdrop`, `stage`, `scene`); `generate` where a model made the whole image."""

    def words(self) -> dict[str, str]:
        """Return the words that restrict something, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: word for name, word in named.items() if word}
