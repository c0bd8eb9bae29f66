"""A token is a digest, or a reason that no digest can be."""

import re

from catalogs.photos.photo_tokens import NOT_READ, refusal_token


def test_a_refusal_is_no_digest_and_has_no_space() -> None:
    assert refusal_token(NOT_READ) == "!photo.not-read"
    assert not re.fullmatch(r"[0-9a-f]{64}|.*\s.*", refusal_token(NOT_READ))
