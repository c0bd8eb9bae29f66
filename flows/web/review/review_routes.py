"""Review routes: the pages of the review console, and the forms that people answer with.

Inputs: requests that `RequestGuard` let through. Outputs: pages, pictures, and after each form the address of the next
page. A page is read by GET, and nothing changes by that but claims, which are soft, of people who may answer; every
answer is a form, so that all of it works without JavaScript. A form names its item in its address, never "the current
one": two tabs do not mix.
"""

from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import Scope
from catalogs.answers.refusal_reasons import REFUSAL_REASONS, lacks_words
from catalogs.errors import ItemNotFound
from catalogs.reviews.review_details import SHOWN
from catalogs.reviews.review_item import ReviewItem
from flows.web.forms import Form, Posted
from flows.web.pages import catalogue_path, page
from flows.web.request_log import log_act
from flows.web.review.gate_page import GatePage
from flows.web.review.group_view import GRID_ITEMS, name_group, view_choices, view_group, view_tile
from flows.web.review.item_view import view_item
from flows.web.review.progress_view import view_progress
from flows.web.review.refusals import GRID_KEYS, ITEM_KEYS, REFUSALS, REFUSALS_OF_MANY
from flows.web.review.review_addresses import REVIEW_PATH, SAID, parse_addresses
from flows.web.review.review_desk import ReviewDesk
from flows.web.review.review_services import ReviewServices, address_of_next, items_for
from flows.web.review.sayings import find_saying
from flows.web.scopes import Answerer, Looker
from flows.web.web_context import WebPart, find_notices, web_context
from flows.web.web_files import image_response
from infra.visible_text import visible_lines
from tasks.reporting.sku_story import tell_story

WORST_SHOWN = 5
"""Thumbnails of each group on the start page."""
MOST_CONFLICTS = 24
LOADED_AHEAD = 3
"""Images that the browser loads while a person looks at one."""
_SAID = {AnswerKind.ACCEPT: "accepted", AnswerKind.REFUSE: "refused", AnswerKind.RETRY: "retried"}
_UNDONE_LATE = {
    AnswerKind.ACCEPT: "undone-accept",
    AnswerKind.REFUSE: "undone-refuse",
    AnswerKind.RETRY: "undone-retry",
}
"""What is said of an answer that was taken back after a run had decided its item."""


class ReviewPages:
    """The routes of one server's review console."""

    def __init__(self) -> None:
        self.services = ReviewServices()
        self.router = APIRouter()
        add = self.router.add_api_route
        for path, show in (("", self.start), ("/next", self.next), ("/grid", self.grid), ("/story", self.story)):
            add(path, show, methods=["GET"])
        add("/items/{item_id}", self.item, methods=["GET"])
        add("/items/{item_id}/images/{which}", self.image, methods=["GET"])
        add("/items/{item_id}/answer", self.answer, methods=["POST"])
        add("/items/{item_id}/skip", self.skip, methods=["POST"])
        add("/grid", self.answer_grid, methods=["POST"])
        add("/undo", self.undo, methods=["POST"])
        add("/stay", self.stay, methods=["POST"])

    def start(self, request: Request, person: Looker) -> Response:
        """Show what waits, by reason, the most urgent first."""
        desk = self._desk(request)
        filters, addresses = desk.addresses.filters, replace(desk.addresses, group="")
        progress = desk.progress(person)
        groups = [
            view_group(group, desk.find_all(group.worst[:WORST_SHOWN]), addresses)
            for group in desk.service.groups(filters, person.name)
        ]
        return page(
            request,
            "review/start.html",
            said=_said(request),
            notices=find_notices(request, person),
            groups=groups,
            choices=view_choices(desk.service.choices(blocked=filters.blocked), filters),
            filters=filters,
            addresses=addresses,
            progress=view_progress(progress),
            conflicts=[view_tile(item, addresses) for item in desk.find_all(progress.conflicts[:MOST_CONFLICTS])],
            may_answer=person.may(Scope.ANSWER),
        )

    def next(self, request: Request, person: Looker) -> Response:
        """Lead to the next item."""
        desk = self._desk(request)
        return _lead(address_of_next(desk.service, person, desk.addresses))

    def item(self, request: Request, item_id: str, person: Looker) -> Response:
        """Show one image or prompt with everything that is known of it."""
        desk = self._desk(request)
        item = desk.find(item_id, person)
        details = desk.service.details(item)
        progress = desk.progress(person)
        following = desk.next_group(desk.addresses.group or item.worst_reason, person)
        coming = [view_tile(each, desk.addresses) for each in desk.find_all(progress.next_items) if each.id != item.id]
        ahead = [tile.id for tile in coming if tile.thumbnail][:LOADED_AHEAD]
        return page(
            request,
            "review/item.html",
            said=_said(request),
            view=view_item(item, details, person, desk.addresses),
            addresses=desk.addresses,
            progress=view_progress(progress),
            next_group_url=following.next() if following else "",
            ahead=[desk.addresses.image(each, SHOWN) for each in ahead],
            coming=coming[:LOADED_AHEAD],
            is_unveiled=request.query_params.get("unveiled") == "1",
            shown=request.query_params.get("show", SHOWN),
            open=request.query_params.get("open", ""),
            refusals=REFUSALS,
            keys=ITEM_KEYS,
        )

    def image(self, request: Request, item_id: str, which: str, _: Looker) -> Response:
        """Return one of an item's pictures."""
        try:
            data = self._desk(request).service.image(item_id, which)
        except ItemNotFound:
            raise HTTPException(404, "There is no such picture.") from None
        return image_response(request, data)

    def story(self, request: Request, _: Looker) -> Response:
        """Show what `packshot why` tells of a SKU."""
        context, sku = web_context(request), request.query_params.get("sku", "")
        story = tell_story(context.store, context.tables, request.path_params["catalogue"], sku)
        return page(request, "review/story.html", story=story, addresses=self._desk(request).addresses)

    def answer(self, request: Request, item_id: str, person: Answerer, form: Posted) -> Response:
        """Take an answer, and lead to the next item."""
        desk = self._desk(request)
        kind = _kind_of(form)
        reason, why = form.text("reason"), form.text("why").strip()
        if kind == AnswerKind.REFUSE and lacks_words(reason, why):
            return _lead(desk.addresses.item(item_id, "say-why", open="refuse"))
        try:
            desk.service.answer(
                person,
                item_id,
                kind,
                reason=_reason(reason) if kind == AnswerKind.REFUSE else "",
                why=why,
                prompt=_edited_prompt(form, desk.service.find(item_id)) if kind == AnswerKind.RETRY else "",
                seconds=form.seconds("seconds"),
                resolves=form.has("resolves"),
            )
        except ItemNotFound:
            return _lead(address_of_next(desk.service, person, desk.addresses, "gone"))
        log_act(request, "answer", kind=kind.value)
        return _lead(address_of_next(desk.service, person, desk.addresses, _SAID[kind]))

    def skip(self, request: Request, item_id: str, person: Answerer, _: Posted) -> Response:
        """Leave an item for later, and lead to the next one."""
        desk = self._desk(request)
        desk.service.skip(person.name, item_id)
        return _lead(address_of_next(desk.service, person, desk.addresses, "skipped"))

    def undo(self, request: Request, person: Answerer, _: Posted) -> Response:
        """Take the person's last answer back, and lead to its item."""
        desk = self._desk(request)
        undone = desk.service.undo(person)
        if undone is None:
            return _lead(desk.addresses.start("nothing-to-undo"))
        log_act(request, "undo", kind=undone.answer.kind.value)
        if undone.item is None:
            return _lead(desk.addresses.start(_UNDONE_LATE[undone.answer.kind]))
        return _lead(desk.addresses.of_group(undone.item.worst_reason).item(undone.item.id, "undone"))

    def stay(self, request: Request, person: Answerer, _: Posted) -> Response:
        """Keep what a person has before them for them: their page says now and then that it is still looked at."""
        self._desk(request).service.stay(person.name)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def grid(self, request: Request, person: Looker) -> Response:
        """Show a group's items together."""
        desk = self._desk(request)
        group = desk.addresses.group or None
        items = items_for(desk.service, person, desk.addresses, GRID_ITEMS)
        if not items:
            return _lead(desk.addresses.start("all-done"))
        following = desk.next_group(desk.addresses.group, person)
        is_unveiled = request.query_params.get("unveiled") == "1"
        return page(
            request,
            "review/grid.html",
            said=_said(request),
            words=name_group(desk.addresses.group) if group else "Everything that waits",
            tiles=[view_tile(item, desk.addresses, is_unveiled) for item in items],
            addresses=desk.addresses,
            progress=view_progress(desk.progress(person)),
            next_grid_url=following.grid() if following else "",
            may_answer=person.may(Scope.ANSWER),
            refusals=REFUSALS_OF_MANY,
            keys=GRID_KEYS,
        )

    def answer_grid(self, request: Request, person: Answerer, form: Posted) -> Response:
        """Refuse the marked items of a grid, accept all others that it showed a picture of, and show the next ones."""
        desk = self._desk(request)
        shown, bad = desk.find_all(form.texts("item")), set(form.texts("bad"))
        marked = [item.id for item in shown if item.id in bad]
        refused = {name: _reason(form.text(f"reason-{name}") or form.text("reason")) for name in marked}
        accepted = [item.id for item in shown if item.id not in bad and item.can_be_accepted]
        desk.service.answer_group(person, accepted, refused, form.seconds("seconds"))
        log_act(request, "answer", accepted=len(accepted), refused=len(refused))
        return _lead(desk.addresses.grid("grid"))

    def _desk(self, request: Request) -> ReviewDesk:
        catalogue = request.path_params["catalogue"]
        addresses = parse_addresses(catalogue_path(catalogue, REVIEW_PATH), request.query_params)
        return ReviewDesk(self.services.of(web_context(request), catalogue), addresses)


def review_part() -> WebPart:
    """Return the review console as a part of a server."""
    pages = ReviewPages()
    pages.router.add_api_route("/gates", GatePage().show, methods=["GET"])
    return WebPart("Review", REVIEW_PATH, pages.router, prepare=pages.services.prepare, leave=pages.services.leave)


def _lead(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _said(request: Request) -> object:
    return find_saying(request.query_params.get(SAID, ""))


def _kind_of(form: Form) -> AnswerKind:
    kind = next((kind for kind in _SAID if kind.value == form.text("kind")), None)
    if kind is None:
        raise HTTPException(400, f"kind: give one of {', '.join(_SAID)}.")
    return kind


def _reason(code: str) -> str:
    if code not in REFUSAL_REASONS:
        raise HTTPException(400, f"reason: give one of {', '.join(REFUSAL_REASONS)}.")
    return code


def _edited_prompt(form: Form, item: ReviewItem) -> str:
    """Return the prompt that a person wrote; nothing where it is the item's own."""
    prompt = form.text("prompt").strip()
    return "" if prompt == visible_lines(item.prompt).strip() else prompt
