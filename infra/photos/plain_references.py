"""Plain references: the canonical texts of a whole column of photo references, where they are written plainly.

Inputs: an Arrow array of texts, the `AllowedPlaces` of a run. Outputs: an array of canonical texts, null for a text
that `parse_photo_reference` must judge by itself; and the reference of a canonical text.
Invariant: what is answered here is what `parse_photo_reference` answers (a test holds it for any text). It exists for
its speed: one text costs 50 microseconds there and less than one here, and a catalogue has 500,000 in every run.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from infra.photos.https_addresses import HTTPS_PORT, normal_host
from infra.photos.photo_references import AllowedPlaces, PhotoReference

STORE_BEGINNING, HTTPS_BEGINNING = "store:", "https://"

_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_PLAIN_TAIL: Final = rf"^{_PART}(?:/{_PART})*$"
"""Letters, digits and three signs: nothing encoded, hidden, relative, or of another scheme."""
_PLAIN_BEGINNING: Final = re.compile(r"[A-Za-z0-9_./:-]{0,500}")
_MAX_PLAIN_CHARACTERS: Final = 800
"""Below the limits of a reference and of a key, whatever the root adds."""


def canonical_texts(texts: Any, allowed: AllowedPlaces) -> Any:
    """Return the canonical text of each plain reference; null for every other text."""
    found = pa.nulls(len(texts), pa.string())
    is_short = pc.less_equal(pc.utf8_length(texts), _MAX_PLAIN_CHARACTERS)
    for written, canonical, refused, needed in _beginnings(allowed):
        if not found.null_count:
            break
        tail = pc.utf8_slice_codeunits(texts, len(written))
        has_beginning = pc.and_(is_short, pc.starts_with(texts, written))
        is_plain = pc.and_(has_beginning, pc.match_substring_regex(tail, _PLAIN_TAIL))
        if refused is not None:
            is_plain = pc.and_(is_plain, pc.invert(pc.starts_with(tail, refused)))
        if needed is not None:
            is_plain = pc.and_(is_plain, pc.starts_with(tail, needed))
        text = pc.binary_join_element_wise(pa.scalar(canonical), tail, "")
        found = pc.if_else(pc.and_(is_plain, pc.is_null(found)), text, found)
    return found


def reference_of(canonical: str, allowed: AllowedPlaces) -> PhotoReference:
    """Return the reference of a canonical text that these places have given."""
    if canonical.startswith(HTTPS_BEGINNING):
        return PhotoReference("https", "", canonical)
    if canonical.startswith(STORE_BEGINNING):
        return PhotoReference("store", allowed.store, canonical.removeprefix(STORE_BEGINNING))
    root = next(root for root, _ in allowed.roots if canonical.startswith(f"{root}/"))
    return PhotoReference("folder", root, canonical[len(root) + 1 :])


def _beginnings(allowed: AllowedPlaces) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Yield what texts begin with and what canonical ones do, and of the rest what it must not, and must, begin with.

    In the order in which `parse_photo_reference` tries them.
    """
    first = [(allowed.first_root, "")] if allowed.first_root else []
    for root, beginning in (*first, *allowed.roots):
        taken = allowed.store_parts[root][0] if root in allowed.store_parts else None
        # A root in the store, or the store itself, is judged text by text; so is one that is not written plainly.
        if taken != "" and _PLAIN_BEGINNING.fullmatch(beginning):
            yield beginning, f"{root}/", taken, None
    for prefix in allowed.store_prefixes:
        yield STORE_BEGINNING, STORE_BEGINNING, None, prefix
    for host in sorted(map(normal_host, allowed.hosts)):
        if host.isascii() and host.rpartition(":")[2] != str(HTTPS_PORT):
            yield f"{HTTPS_BEGINNING}{host}/", f"{HTTPS_BEGINNING}{host}/", None, None
