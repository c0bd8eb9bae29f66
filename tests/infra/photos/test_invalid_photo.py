"""The error of a photo keeps its reason on the way between processes, and says whether tomorrow may be better."""

import pickle

import pytest

from infra.errors import ExternalError
from infra.photos.invalid_photo import PHOTO_REASONS, InvalidPhoto


@pytest.mark.parametrize("reason", PHOTO_REASONS)
def test_the_reason_and_the_sentence_survive_pickling(reason: str) -> None:
    error = pickle.loads(pickle.dumps(InvalidPhoto(reason, "The photo is empty.")))  # type: ignore[arg-type] # noqa: S301
    assert isinstance(error, InvalidPhoto)
    assert isinstance(error, ExternalError)
    assert (error.reason, str(error), error.exit_code) == (reason, "The photo is empty.", 2)


def test_only_a_server_that_failed_is_asked_again() -> None:
    transient = [reason for reason in PHOTO_REASONS if InvalidPhoto(reason, "x").transient]  # type: ignore[arg-type]
    assert transient == ["photo.unreachable"]
    assert tuple(sorted(set(PHOTO_REASONS))) == PHOTO_REASONS
