"""Sayings: what a page says of what was just done, by a code that an address may hold.

Inputs: a code out of a query, from anybody. Outputs: a sentence and its tone; nothing for an unknown code. No text of
an address is ever shown.
"""

from typing import NamedTuple


class Saying(NamedTuple):
    """A sentence, and whether it is good, a warning (`wait`) or an error (`wrong`)."""

    text: str
    tone: str = ""


SAYINGS = {
    "accepted": Saying("Accepted."),
    "refused": Saying("Refused."),
    "retried": Saying("The next run makes another attempt."),
    "skipped": Saying("Skipped; it comes back later."),
    "grid": Saying("Answered. These are the next ones."),
    "undone": Saying("Your last answer is taken back. This is its item."),
    "undone-accept": Saying(
        "Your last answer is taken back. Its item waits no more: if a run has published the image because you accepted "
        "it, the next refresh, or packshot review apply, takes it out of sight.",
        "wait",
    ),
    "undone-refuse": Saying(
        "Your last answer is taken back. Its item waits no more: if a run has refused the image because you did, the "
        "next refresh, or packshot review apply, decides it again without your refusal.",
        "wait",
    ),
    "undone-retry": Saying(
        "Your last answer is taken back. Its item waits no more: another attempt that a run has made stays and is "
        "judged by itself; a prompt that you edited counts no more.",
        "wait",
    ),
    "nothing-to-undo": Saying("There is no answer of this session left to take back.", "wait"),
    "group-done": Saying("That group is done. This is the next one."),
    "all-done": Saying("Nothing is left for you here: all is answered, or other people have it before them."),
    "gone": Saying("That one needs no answer any more: it was answered or has changed meanwhile.", "wait"),
    "say-why": Saying("Say in words what is wrong, then refuse.", "wrong"),
}


def find_saying(code: str) -> Saying | None:
    """Return what a code says; None for an unknown one."""
    return SAYINGS.get(code)
