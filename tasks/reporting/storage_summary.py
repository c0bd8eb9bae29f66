"""Storage summary: the report's section on the store's size by kind and on the run's requests.

Inputs: the store, and the count of requests when the run began. Outputs: a `ReportStorage`. The sizes are those that
the last sweep measured: listing a store of millions of objects for every run would cost more than an idle run.
"""

from collections.abc import Mapping

from catalogs import layout
from catalogs.runs.report_parts import ReportStorage
from infra.interfaces import ObjectStore
from infra.stores.json_objects import parse_json_object
from infra.stores.request_count import REQUESTS, price_requests


def summarize_storage(store: ObjectStore, requests_before: Mapping[str, int]) -> ReportStorage:
    """Return the store's size by kind, as the last sweep left it, and the requests since the run began."""
    measured = store.find(layout.STORE_SIZES)
    document = parse_json_object(measured, layout.STORE_SIZES) if measured else {}
    sizes = {kind: int(size["bytes"]) for kind, size in document.get("kinds", {}).items()}
    requests = REQUESTS.since(requests_before)
    cost = round(price_requests(requests), 6) if requests else None
    return ReportStorage(document.get("measured_at"), sizes, requests, cost)
