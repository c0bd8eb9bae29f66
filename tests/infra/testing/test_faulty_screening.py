"""A screening request whose key names a fault gets that fault; any other key is measured."""

from pathlib import Path

import pytest

from infra.errors import StoreError
from infra.stores import open_store
from infra.testing.faulty_screening import measure_or_fail
from tests.infra.screening.staged_images import stage_image


@pytest.mark.parametrize(("key", "error"), [("raise-1", ValueError), ("away-1", StoreError)])
def test_the_key_chooses_the_fault(tmp_path: Path, key: str, error: type[Exception]) -> None:
    store = open_store(f"file://{tmp_path}")
    with pytest.raises(error):
        measure_or_fail(stage_image(store, key), store)


def test_any_other_key_is_measured(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    assert measure_or_fail(stage_image(store, "sound"), store).key == "sound"
