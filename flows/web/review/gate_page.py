"""Gate page: how often people overturn each gate and threshold, how well they agree, and how fast they answer.

Inputs: requests of whoever may look; the first month that counts. Outputs: a page with the numbers of
`packshot review stats`. All answers of the months asked for are read, so one request reads at a time, and without a
month named it is the last twelve, that the page costs the same in ten years as in two.
"""

import re
from datetime import datetime
from threading import Lock

from fastapi import Request
from fastapi.responses import Response

from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy
from flows.web.pages import catalogue_path, page
from flows.web.review.gate_view import view_gates
from flows.web.review.review_addresses import REVIEW_PATH, ReviewAddresses
from flows.web.scopes import Looker
from flows.web.web_context import known_catalogue, web_context
from tasks.policies.answered_images import read_answer_statistics
from tasks.runs.policy_records import PolicyRecords


class GatePage:
    """The page of one server."""

    def __init__(self) -> None:
        self._reading = Lock()

    def show(self, request: Request, _: Looker) -> Response:
        """Show how the gates do."""
        context, catalogue = web_context(request), known_catalogue(request)
        since = _parse_month(request.query_params.get("since"), context.now())
        record = PolicyRecords(context.store, catalogue).in_force()
        policy = record.policy if record is not None else built_in_policy()
        with self._reading:
            found = read_answer_statistics(context.store, catalogue, policy, since)
        addresses = ReviewAddresses(catalogue_path(catalogue, REVIEW_PATH))
        return page(request, "review/gates.html", view=view_gates(found), since=since, addresses=addresses)


def _parse_month(text: str | None, now: datetime) -> str:
    """Return the first month that counts: a year ago where none is named, and nothing, for all, where it is empty."""
    if text is None:
        return f"{now.year - 1}-{now.month:02}"
    if text and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise OptionError(f"since: {text[:40]!r} is no month; write it as 2026-11.")
    return text
