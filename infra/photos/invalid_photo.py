"""The error of a photo that cannot be used, and the codes of its reasons.

Inputs: a reason code and a sentence. Outputs: `InvalidPhoto`, which survives pickling between processes, and
`shown_reference`, by which a sentence names a value. A row keeps the code and its report the sentence, so that the
sentence names the fault and what to do, without any credential.
"""

import re
from typing import Final, Literal, get_args

from infra.errors import ExternalError, one_line

PhotoReason = Literal[
    "photo.animated",
    "photo.missing",
    "photo.not-fetched",
    "photo.polyglot",
    "photo.reference",
    "photo.too-large",
    "photo.too-many-bytes",
    "photo.too-small",
    "photo.unreachable",
    "photo.unreadable",
    "photo.wrong-format",
]
"""Why a photo cannot be used.

`photo.reference` is a text that names no allowed place, `photo.not-fetched` an answer of a server that is not taken
(a redirect elsewhere, a private address, too many bytes or seconds), and `photo.unreachable` a server that failed,
which may do better tomorrow.
"""

PHOTO_REASONS: Final[tuple[str, ...]] = get_args(PhotoReason)


_SHOWN_CHARACTERS, _SHOWN_BEGINNING = 80, 20
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class InvalidPhoto(ExternalError):
    """A photo cannot be used; `reason` is one of `PHOTO_REASONS`. The caller can correct the file or its reference."""

    exit_code = 2

    def __init__(self, reason: PhotoReason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.transient = reason == "photo.unreachable"

    def __reduce__(self) -> tuple[object, ...]:
        return (InvalidPhoto, (self.reason, str(self)))


def shown_reference(text: str) -> str:
    """Return how a sentence names a reference: quoted, short, without anything that may be a credential.

    A long one keeps its end, which is the file's name.
    """
    scheme = _SCHEME.match(text)
    tail = text if "@" not in text else f"{scheme[0] if scheme else ''}…{text.rpartition('@')[2]}"
    plain = re.split(r"[?#]", tail, maxsplit=1)[0]
    shown = plain if plain == tail else f"{plain}…"
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_BEGINNING]}…{shown[_SHOWN_BEGINNING + 1 - _SHOWN_CHARACTERS :]}"
    return repr(one_line(shown, _SHOWN_CHARACTERS))
