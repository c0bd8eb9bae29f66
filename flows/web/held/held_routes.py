"""Held routes: the batches that wait for a person, their images old beside new, answers, and letting them go.

Inputs: requests below `/catalogues/<catalogue>/held`. Outputs: pages, pictures, answers in the store, what a person
lets go. Whoever may look sees it, whoever may answer marks images, and only who may release lets a batch go. A run and
a slot of a request are looked up among the open runs and the batch's own slots; neither becomes a key.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose
from catalogs.answers.person import Person
from catalogs.answers.refusal_reasons import REASONS_FOR_MANY
from catalogs.errors import InputError, ItemNotFound
from catalogs.reviews.review_options import HELD_GROUP
from catalogs.runs.held_selection import HeldSelection
from flows.web.forms import Form, Posted
from flows.web.held.held_notices import HELD_PATH, HeldNotices
from flows.web.held.held_view import HeldImagesOfRuns, unanswered_images, view_batch
from flows.web.held.release_processes import ReleaseProcesses
from flows.web.pages import catalogue_path, page
from flows.web.request_log import record_act
from flows.web.review.review_addresses import REVIEW_PATH, ReviewAddresses
from flows.web.scopes import Answerer, Looker, Releaser
from flows.web.web_context import WebContext, WebPart, known_catalogue, web_context
from flows.web.web_files import image_response
from infra.stores.concurrency import concurrent_map
from tasks.answers.answer_writer import AnswerWriter
from tasks.reviews.item_pictures import ItemPictures
from tasks.runs.held_batches import HeldBatch, list_held_batches
from tasks.runs.held_decisions import find_release
from tasks.runs.held_images import HeldImage
from tasks.runs.letting_go import let_go

Start = Annotated[int, Query(ge=0, le=2**40)]


def held_part(processes: ReleaseProcesses | None = None) -> WebPart:
    """Return the held batches as a part of a server."""
    routes = HeldRoutes(processes or ReleaseProcesses())
    return WebPart("Held", HELD_PATH, routes.router, notices=routes.notices.of)


class HeldRoutes:
    """The routes of one server's held batches."""

    def __init__(self, processes: ReleaseProcesses) -> None:
        self._processes, self._images = processes, HeldImagesOfRuns()
        self._pictures: ItemPictures | None = None
        self._writers: dict[str, AnswerWriter] = {}
        self.notices = HeldNotices()
        self.router = APIRouter()
        self.router.add_api_route("", self.batches, methods=["GET", "HEAD"])
        self.router.add_api_route("/{run}", self.batch, methods=["GET", "HEAD"])
        self.router.add_api_route("/{run}/pictures/{slot}/{which}", self.picture, methods=["GET", "HEAD"])
        self.router.add_api_route("/{run}/answers", self.answer, methods=["POST"])
        self.router.add_api_route("/{run}/release", self.release, methods=["POST"])

    def batches(self, request: Request, _: Looker) -> Response:
        """List the batches that wait for a person."""
        context, catalogue = web_context(request), known_catalogue(request)
        batches = list_held_batches(context.store, catalogue)
        return page(
            request,
            "held/batches.html",
            batches=batches,
            now=context.now(),
            base=_base(catalogue),
            one_by_one=_one_by_one(request),
        )

    def batch(self, request: Request, _: Looker, run: str, start: Start = 0) -> Response:
        """Show a batch's images, old beside new."""
        return self._show(request, run, start)

    def picture(self, request: Request, _: Looker, run: str, slot: str, which: str) -> Response:
        """Send a picture of a slot: what the batch would publish or what is live, small or whole."""
        context = web_context(request)
        found = self._images.of(context, _find_batch(request, run).run).find([_parse_slot(slot)])
        key, sha = found[0].source(which.removesuffix("-small")) if found else ("", b"")
        if not key:
            raise HTTPException(404, "The batch has no such picture.")
        pictures = self._pictures = self._pictures or ItemPictures(context.store)
        try:
            data = pictures.thumbnail(key, sha) if which.endswith("-small") else pictures.read(key, sha)
        except ItemNotFound as error:
            raise HTTPException(404, str(error)) from None
        return image_response(request, data)

    def answer(self, request: Request, person: Answerer, form: Posted, run: str, start: Start = 0) -> Response:
        """Refuse the marked images of a page, or accept those that nobody has marked or answered."""
        context, batch = web_context(request), _find_batch(request, run)
        reason = form.text("reason")
        refuses = form.has("refuse")
        if refuses and reason not in REASONS_FOR_MANY:
            return self._show(request, run, start, "Choose why the marked images are refused.", HTTPStatus.BAD_REQUEST)
        marked = set(form.texts("bad"))
        chosen = [slot for slot in form.texts("shown") if (slot in marked) == refuses]
        images = _distinct(self._images.of(context, batch.run).find(map(_parse_slot, chosen)))
        if refuses:
            said = Answer(AnswerKind.REFUSE, person.name, context.now(), reason=reason)
        else:
            images = list(unanswered_images(context.store, batch.run.catalogue, images))
            said = Answer(AnswerKind.ACCEPT, person.name, context.now())
        self._write_answers(context, batch, images, said)
        return RedirectResponse(f"{_base(batch.run.catalogue)}/{batch.run.run_id}?start={start}", HTTPStatus.SEE_OTHER)

    def release(self, request: Request, person: Releaser, form: Posted, run: str) -> Response:
        """Write what goes, and start publishing it."""
        context, batch = web_context(request), _find_batch(request, run)
        try:
            _let_go(context, batch, person, form)
        except InputError as error:
            return self._show(request, run, 0, str(error), HTTPStatus.BAD_REQUEST)
        record_act(request, "release", run=batch.run.run_id)
        self.notices.forget(batch.run.catalogue)
        self._processes.start(context.store.url, batch.run.run_id)
        return RedirectResponse(f"{_base(batch.run.catalogue)}/{batch.run.run_id}", HTTPStatus.SEE_OTHER)

    def _write_answers(self, context: WebContext, batch: HeldBatch, images: list[HeldImage], said: Answer) -> None:
        catalogue = batch.run.catalogue
        writer = self._writers.setdefault(catalogue, AnswerWriter(context.store, catalogue))

        def write(image: HeldImage) -> None:
            writer.write(replace(said, image=image.target, purpose=AnswerPurpose.HELD))

        list(concurrent_map(context.store, write, images))

    def _show(
        self, request: Request, run: str, start: int, problem: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        context, catalogue = web_context(request), known_catalogue(request)
        batch = next((each for each in list_held_batches(context.store, catalogue) if each.run.run_id == run), None)
        if batch is None:
            return page(request, "held/gone.html", status_code=HTTPStatus.NOT_FOUND, run=run, base=_base(catalogue))
        release = find_release(context.store, batch.run)
        view = view_batch(context, batch, release, self._images.of(context, batch.run), start)
        values: dict[str, Any] = {"view": view, "now": context.now(), "base": _base(catalogue)}
        values |= {"reasons": REASONS_FOR_MANY, "is_open": request.query_params.get("show") == "1"}
        under_way, failure = self._processes.is_running(run), self._processes.failure(run)
        values |= {"problem": problem or failure, "under_way": under_way, "one_by_one": _one_by_one(request)}
        return page(request, "held/batch.html", status_code=status, **values)


def _let_go(context: WebContext, batch: HeldBatch, person: Person, form: Form) -> None:
    accepted = [check.name for check in batch.checks if form.has(f"accept-{check.name}")]
    selection = HeldSelection(accepted_only=form.text("what") == "accepted")
    let_go(context.store, batch.run, accepted, form.text("reason"), person.name, selection)


def _find_batch(request: Request, run: str) -> HeldBatch:
    context, catalogue = web_context(request), known_catalogue(request)
    for batch in list_held_batches(context.store, catalogue):
        if batch.run.run_id == run:
            return batch
    raise HTTPException(404, "No such batch is held: it was let go, or a newer one has taken its place.")


def _distinct(images: list[HeldImage]) -> list[HeldImage]:
    """Return one slot of each image: an answer holds for every slot that shows it."""
    return list({image.target.key: image for image in images}.values())


def _one_by_one(request: Request) -> str:
    """Return where the images of held batches are looked at one by one; empty where this server has no such page."""
    if all(part.path != REVIEW_PATH for part in web_context(request).parts):
        return ""
    return ReviewAddresses(catalogue_path(known_catalogue(request), REVIEW_PATH)).of_group(HELD_GROUP).next()


def _base(catalogue: str) -> str:
    return catalogue_path(catalogue, HELD_PATH)


def _parse_slot(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""  # no slot has it
