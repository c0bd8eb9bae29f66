"""Review details: what a person is shown beside an image, and how far a session has come.

Inputs: none; `tasks.reviews` fills them. Outputs: frozen values. Pure. Pictures are named by a word that
`ReviewService.image` takes, never by a key: what a page asks for comes from a stranger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from catalogs.answers.answer import Answer
from catalogs.photos.kept_summary import KeptSummary
from catalogs.reviews.review_item import Box
from catalogs.reviews.score_sentences import ScoreFinding

SHOWN, THUMBNAIL, LIVE, NEIGHBOUR, VIEW, PHOTO = "shown", "thumbnail", "live", "neighbour", "view-", "photo"
"""Names of an item's pictures; the SKU's other views are numbered: `view-0`, `view-1` …

`photo` is a small copy of the shop's photo whose product the image keeps.
"""


@dataclass(frozen=True, slots=True)
class OtherImage:
    """Another image beside the one in question."""

    which: str
    """Its name for `ReviewService.image`."""
    sku: str
    view: str
    variant: str
    index: int
    object: str
    """Its key in the store."""
    state: str
    """live, or how it waits: review, blocked, held."""
    file_sha: bytes = b""
    pixel_sha: bytes = b""
    """With the file's, what its picture is checked by before it is shown."""
    is_sensitive: bool = False
    """Whether it waits since it may be explicit: it is blurred, whatever the item beside it is."""


@dataclass(frozen=True, slots=True)
class KeptPhoto:
    """The shop's photo whose product an image keeps, and what is said of it.

    `words` say why it cannot be shown; empty where it can. `width` and `height` are the photo's own, 0 if not known.
    """

    summary: KeptSummary
    words: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class ReviewDetails:
    """Everything about one item that its page shows."""

    findings: tuple[ScoreFinding, ...] = ()
    """Measured scores in words; those past a limit come first."""
    boxes: tuple[Box, ...] = ()
    worst_spot: Box | None = None
    """Where to look at 1:1; None where nothing is conspicuous or there is no picture."""
    live: OtherImage | None = None
    """What it would replace."""
    neighbour: OtherImage | None = None
    """What it is too similar to."""
    views: tuple[OtherImage, ...] = ()
    """The SKU's other views."""
    answers: tuple[Answer, ...] = ()
    """What was answered about it so far, oldest first; empty while a second person is asked independently."""
    answered_before: tuple[Answer, ...] = ()
    """What was answered about the same image in other finishes."""
    conflict: tuple[Answer, ...] = ()
    """The differing answers, where people differ."""
    photo: KeptPhoto | None = None
    """The shop's photo, where the image keeps its product."""


@dataclass(frozen=True)
class ReviewProgress:
    """How far a person's session has come, and what comes next."""

    left: int
    """Items that wait for an answer."""
    answered_by_me: int = 0
    answered_by_all: int = 0
    seconds_per_answer: float | None = None
    """The median of this person's; None before the first."""
    per_hour: float | None = None
    """Answers an hour at this person's pace, pauses included."""
    conflicts: Sequence[str] = ()
    """Items on which people differ."""
    next_items: Sequence[str] = ()
    """What this person would be given next."""
    others: Sequence[str] = ()
    """Who else looks at items now."""
