"""Count of the requests that this process sends to object stores, by method.

Inputs: the names of S3's operations, as they are called. Outputs: counts, and their price by S3's list. Repeated
requests count each time, as they are paid. Tables are not counted here: their client sends its own requests.
"""

from collections import Counter
from collections.abc import Mapping
from threading import Lock

_METHODS = {
    "head_object": "head",
    "list_objects_v2": "list",
    "list_object_versions": "list",
    "list_multipart_uploads": "list",
    "delete_objects": "delete",
    "abort_multipart_upload": "delete",
    "get_object": "get",
    "get_bucket_versioning": "get",
}
"""S3's operation -> how it is counted; every other one is a put."""

USD_PER_REQUEST = {"put": 5e-6, "list": 5e-6, "get": 0.4e-6, "head": 0.4e-6, "delete": 0.0}
"""S3's list prices (us-east-1, standard storage)."""


class RequestCount:
    """Requests by method. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, operation: str) -> None:
        """Count one request of this operation."""
        with self._lock:
            self._counts[_METHODS.get(operation, "put")] += 1

    def since(self, earlier: Mapping[str, int] | None = None) -> dict[str, int]:
        """Return the requests by method, without those of an earlier answer."""
        with self._lock:
            counts = self._counts - Counter(earlier or {})
        return dict(sorted(counts.items()))


REQUESTS = RequestCount()
"""The count of this process: its stores share it, as they share their connections."""


def price_requests(counts: Mapping[str, int]) -> float:
    """Return what these requests cost in US dollars."""
    return sum(USD_PER_REQUEST[method] * count for method, count in counts.items())
