"""A Rich console that makes hidden characters visible below all views.

Inputs: whatever a command prints. Outputs: the same, where only Rich itself colours, moves the cursor and ends lines.
Views make a catalogue's text printable before they measure and lay it out; this holds where one of them forgets.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from infra.visible_text import visible_lines


class VisibleConsole(Console):
    """Renders as Rich does, with every hidden character of a text escaped."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False)  # a text in brackets is a text

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable; control segments are Rich's own."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible_lines(segment.text), segment.style)

    def out(self, *objects: Any, **options: Any) -> None:
        """Refuse what would pass by `render`."""
        raise NotImplementedError("print() it: out() does not make texts visible")
