"""Photos in memory answer as a resolver does: in order, empty for empty, missing for what nobody told them."""

import pyarrow as pa

from catalogs.planning.resolved_photos import PhotoResolver
from infra.testing.memory_photos import MemoryPhotos


def test_each_reference_gets_its_token_in_order_and_what_was_asked_is_known() -> None:
    photos = MemoryPhotos({"a.jpg": "a" * 64})
    resolver: PhotoResolver = photos
    found = resolver.resolve(pa.array(["b.jpg", "", "a.jpg"]))
    assert found.to_pylist() == ["!photo.missing", "", "a" * 64]
    assert photos.asked == [["b.jpg", "", "a.jpg"]]
