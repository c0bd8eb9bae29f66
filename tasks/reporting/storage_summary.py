"""Storage summary: the report's section on the store's size by kind and on the run's requests.

Inputs: the store, and the count of requests when the run began. Outputs: a `ReportStorage`. The sizes are those that
the last sweep measured: listing a store of millions of objects for every run would cost more than an idle run.
"""

from collections.abc import Mapping

from catalogs import layout
from catalogs.runs.report_parts import ReportStorage
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import parse_json_object
from infra.stores.request_count import REQUESTS, price_requests
from infra.stores.stored_documents import reading


def summarize_storage(store: ObjectStore, requests_before: Mapping[str, int]) -> ReportStorage:
    """Return the store's size by kind, as the last sweep left it, and the requests since the run began."""
    measured = store.find(layout.STORE_SIZES)
    try:
        with reading(layout.STORE_SIZES, "the sizes that a sweep measured"):
            document = parse_json_object(measured, layout.STORE_SIZES) if measured else {}
            measured_at, kinds = document.get("measured_at"), document.get("kinds", {})
            sizes = {str(kind): int(size["bytes"]) for kind, size in kinds.items()}
    except StoreError:
        measured_at, sizes = None, {}  # figures of a report, which the next sweep measures again, end no run
    requests = REQUESTS.since(requests_before)
    cost = round(price_requests(requests), 6) if requests else None
    return ReportStorage(measured_at, sizes, requests, cost)
