"""The digest of a finish covers what it does, and stays when a later release adds a field that is not set."""

import pytest
from pydantic import ValidationError

from catalogs.keys import digest
from catalogs.recipe.render_settings import Finish


def test_the_default_finish_keeps_its_digest() -> None:
    assert Finish().digest == "01f8471c9ba326c0ca8fff873c46e00caf93741ffb19f7336d9511aaffabd2c5"


def test_a_watermark_is_part_of_the_finish_and_finishes_without_one_keep_their_old_digest() -> None:
    assert Finish().digest == digest({"finish": {"quality": 90, "whiten": True, "canvas": "none", "mark": True}})
    assert len({Finish(watermark=name).digest for name in (None, "blocks-1", "blocks-2")}) == 3
    with pytest.raises(ValidationError, match="watermark"):
        Finish(watermark="../Blocks")


def test_a_finish_that_enlarges_nothing_keeps_its_old_digest() -> None:
    assert Finish(enlarge=None).digest == Finish().digest
    assert len({Finish().digest, Finish(enlarge=2048).digest, Finish(canvas="portrait").digest}) == 3
