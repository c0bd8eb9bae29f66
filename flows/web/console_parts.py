"""Console parts: what `packshot review` shows, and in which order.

Inputs: where shoppers find the store's objects. Outputs: the parts of a console; a person arrives at the first one.
"""

from flows.web.gallery.gallery_routes import gallery_part
from flows.web.held.held_routes import held_part
from flows.web.review.review_routes import review_part
from flows.web.web_context import WebPart


def console_parts(images_url: str | None = None) -> list[WebPart]:
    """Return the parts of the review console."""
    return [review_part(), held_part(), gallery_part(images_url)]
