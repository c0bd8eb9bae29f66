"""Edited prompts: a person's prompt in the place of a request's own, for every slot that has this request.

Inputs: the answers that edit prompts, by request key. Outputs: the request to generate in a request's place, and the
mark that it leaves in the slot's source digest. Pure.

An edit is bound to the request of the row's own prompt: where the row, its template or its parameters move so that
another request is rendered, it lapses. It survives another version of the model, which gives the same prompt another
key: the person wrote about the prompt. A slot whose prompt is edited keeps *source digest XOR H(token of the answer)*;
so the next night tells from two digests, without rendering a prompt, that the row is the same and the edit stands. An
edit that is undone leaves a mark that nothing explains: the row's own prompt is rendered again. No digest of a slot
without an edit moves. An edited prompt may be edited again, also back to what it was: each edit of such a chain is
later than the one before, and the last one leaves its mark.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.indexes.digest_index import DIGEST_BYTES, DigestIndex, Uint64Array, split_halves
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.plan import Request


class EditedPrompts:
    """The edits of one plan."""

    def __init__(self, answers: AnswerIndex | None = None) -> None:
        edits = answers.edits if answers is not None else {}
        self._edits: Mapping[bytes, StandingAnswer] = dict(sorted(edits.items(), key=lambda item: item[1].token))
        self._positions = {key: position for position, key in enumerate(self._edits)}
        self._marks = DigestIndex(*split_halves([_mark_of(edit.token) for edit in self._edits.values()]))
        self._edited = DigestIndex(*split_halves([key[:DIGEST_BYTES].ljust(DIGEST_BYTES) for key in self._edits]))

    def __len__(self) -> int:
        """Return how many requests have an edited prompt."""
        return len(self._edits)

    def replace(
        self,
        request: Request,
        rebuild: Callable[[str], Request],
        other_keys: Callable[[Request], Iterable[bytes]] = lambda _: (),
    ) -> Request:
        """Return the request that takes a request's place; itself where nobody edited its prompt.

        `rebuild` returns the row's request with another prompt; `other_keys` under which other keys the same request
        may have been edited: those of other versions of its model, and of older versions of Packshot.
        """
        while (edit := self._find_later(request, other_keys)) is not None:
            request = rebuild(edit.answer.prompt)
            request.edit = edit.token
        return request

    def _find_later(self, request: Request, other_keys: Callable[[Request], Iterable[bytes]]) -> StandingAnswer | None:
        """Return the newest edit of a request that is later than the edit which led to it."""
        found = [edit for key in (request.key, *other_keys(request)) if (edit := self._edits.get(key)) is not None]
        newest = max(found, key=lambda edit: edit.token, default=None)
        return newest if newest is not None and newest.token > request.edit else None

    def is_of_source(self, source_digest: bytes, own: Iterable[bytes], request_key: bytes) -> bool:
        """Tell whether a source digest is one of a slot's `own`, or one with the mark of an edit that stands.

        It is neither where the prompt of its request was edited since.
        """
        edit_of_request = self._positions.get(request_key, -1)
        return any(edit_of_request <= position for each in own for position in self._find_edits(source_digest, each))

    def same_source(
        self, live: CurrentRelease, positions: npt.NDArray[np.int64], digests: tuple[Uint64Array, Uint64Array]
    ) -> npt.NDArray[np.bool_]:
        """Tell, slot by slot, whether the live row is of the slot's very source, edits included.

        `digests` are the slots' own source digests. A live image of a request that was edited since is not of it: its
        slot is to show the edited prompt's image. Edits are in the order of their tokens.
        """
        same = live.same_source(positions, *digests)
        rows = np.flatnonzero(positions >= 0)
        if not len(self) or not len(rows):
            return same
        shown = positions[rows]
        edit_of_request = self._edited.find(live.key_high[shown], live.key_low[shown])  # -1: none
        high, low = (half[rows] ^ live_half[shown] for half, live_half in zip(digests, _sources(live), strict=True))
        edit_of_source = self._marks.find(high, low)
        same[rows] = (same[rows] | (edit_of_source >= 0)) & (edit_of_request <= edit_of_source)
        return same

    def _find_edits(self, source_digest: bytes, own: bytes) -> Sequence[int]:
        """Return which edits make a source digest of a slot's own one, by position; -1 where it is the very same."""
        if source_digest == own:
            return [-1]
        if not len(self):
            return []
        (high,), (low,) = split_halves(_combine(source_digest, own))
        return self._marks.find_all(int(high), int(low))


def marked_source(own: bytes, edit: str) -> bytes:
    """Return a slot's source digest under an edit; its own where `edit` is empty."""
    return _combine(own, _mark_of(edit)) if edit else own


def _sources(live: CurrentRelease) -> tuple[Uint64Array, Uint64Array]:
    return live.source_high, live.source_low


def _mark_of(token: str) -> bytes:
    return sha256(b"edited prompt " + token.encode()).digest()[:DIGEST_BYTES]


def _combine(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
