"""Answer checks: whether a person may give an answer about an item, and whether it says enough.

Inputs: a person, an item, a kind, the person's words. Outputs: none, or an `OptionError` that names what is wrong.
Pure. A picture that cannot be seen is not accepted, nor one whose product is not proven to be its photo's; an image
that keeps a photo's product gets no other attempt, which would be the same. Accepting what a gate refused, and ending
a conflict between people, need the scope `override`.
"""

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import Person, Scope
from catalogs.answers.refusal_reasons import REFUSAL_REASONS, lacks_words
from catalogs.errors import OptionError
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from catalogs.reviews.review_options import AnswerWords

MAX_ANSWER_CHARACTERS = 4_000
"""Of a prompt or of a person's words: a model reads less, and an answer is kept for ever."""

_KINDS = (AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY)


def check_answer(person: Person, item: ReviewItem, kind: AnswerKind, words: AnswerWords) -> None:
    """Raise `OptionError` where a person may not give this answer, or where it says nothing."""
    if kind not in _KINDS:
        raise OptionError(f"{kind.value!r} is no answer about an image; give {', '.join(_KINDS)}.")
    needed = {Scope.ANSWER} | ({Scope.OVERRIDE} if words.get("resolves") else set())
    if item.kind == ReviewKind.BLOCKED and kind == AnswerKind.ACCEPT:
        needed.add(Scope.OVERRIDE)
    missing = [scope.value for scope in needed if not person.may(scope)]
    if missing:
        raise OptionError(f"{person.name} may not do that: it needs the scope {' and '.join(sorted(missing))}.")
    if kind == AnswerKind.ACCEPT and not item.can_be_seen:
        raise OptionError(
            f"The picture of {item.slots[0].sku[:80]!r} is no longer stored, so nobody can say what it shows: refuse"
            " it, or let the next run make it again."
        )
    _check_photo(item, kind)
    reason = words.get("reason", "")
    if kind == AnswerKind.REFUSE and reason not in REFUSAL_REASONS:
        raise OptionError(f"reason: {reason[:80]!r} is none of {', '.join(REFUSAL_REASONS)}.")
    if kind == AnswerKind.REFUSE and lacks_words(reason, words.get("why", "")):
        raise OptionError(f"why: the reason {reason!r} says nothing by itself; say in words what is wrong.")
    for name, text in (("prompt", words.get("prompt", "")), ("why", words.get("why", ""))):
        if len(text) > MAX_ANSWER_CHARACTERS:
            raise OptionError(f"{name}: it has more than {MAX_ANSWER_CHARACTERS:,} characters.")


def _check_photo(item: ReviewItem, kind: AnswerKind) -> None:
    """Raise `OptionError` for what no person can say of an image that a shop's photo makes."""
    if kind == AnswerKind.ACCEPT and not item.can_be_accepted:
        raise OptionError(
            f"The product of {item.slots[0].sku[:80]!r} is not proven to be the photo's ({', '.join(item.reasons)}),"
            " and nobody can accept that: refuse it, or let the next run compose it again."
        )
    if kind == AnswerKind.RETRY and item.is_of_photo:
        raise OptionError(
            f"The image of {item.slots[0].sku[:80]!r} is made from the shop's photo, so another attempt is the same:"
            " put another photo in its row."
        )
