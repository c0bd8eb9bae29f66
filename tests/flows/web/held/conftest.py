"""A shop whose night is held for a look, served over loopback: two SKUs live, one of them changed, one new."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogs.answers.person import ALL_SCOPES, Scope
from flows.web.gallery.gallery_routes import gallery_part
from flows.web.held.held_routes import held_part
from flows.web.held.release_processes import ReleaseProcesses
from flows.web.review.review_routes import review_part
from infra.stores import open_store
from infra.tables import open_tables
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.run_shortcuts import inline_screening, reduced_audit
from tests.fixtures.web_servers import RunningWebServer, web_server

__all__ = ["inline_screening", "reduced_audit"]

HOSTILE = "<b>cup</b>"
PEOPLE = {
    "guest": frozenset({Scope.LOOK}),
    "ada": frozenset({Scope.LOOK, Scope.ANSWER}),
    "bob": ALL_SCOPES,
}


@dataclass
class HeldShop:
    """A shop with a held batch, its console, and where the console would send what it lets go."""

    harness: RefreshHarness
    run_id: str
    server: RunningWebServer
    processes: ReleaseProcesses

    @property
    def address(self) -> str:
        return f"/catalogues/shop/held/{self.run_id}"


@pytest.fixture(scope="module")
def held_folder(
    tmp_path_factory: pytest.TempPathFactory, reduced_audit: None, inline_screening: None
) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("held")
    shop = RefreshHarness(folder, [{"sku": sku, "title": f"Thing {sku}"} for sku in ("jug", "pot")], STUB_RECIPE)
    shop.refresh()
    shop.row("jug")["title"] = "Thing renamed"
    shop.rows.append({"sku": HOSTILE, "title": "Thing cup"})
    report = shop.refresh(ask=True).report
    assert report["held"] == ["look-before-live"]
    return folder, report["run_id"]


@contextmanager
def served_shop(held_folder: tuple[Path, str], folder: Path, processes: ReleaseProcesses) -> Iterator[HeldShop]:
    """Serve a copy of the shop; `processes` publish what its people let go."""
    shutil.copytree(held_folder[0], folder)
    harness = RefreshHarness(folder, [], STUB_RECIPE)
    store, tables = open_store(harness.url), open_tables(harness.url)
    parts = [held_part(processes), review_part(), gallery_part()]
    with web_server(parts, ["shop"], PEOPLE, store, tables) as server:
        yield HeldShop(harness, held_folder[1], server, processes)


@pytest.fixture
def shop(held_folder: tuple[Path, str], tmp_path: Path) -> Iterator[HeldShop]:
    """Serve a shop whose console starts nothing: what a person lets go is written, and stays unpublished."""
    processes = ReleaseProcesses(lambda _, run: ["/bin/sh", "-c", f"test {run} = {held_folder[1]}"])
    with served_shop(held_folder, tmp_path / "shop", processes) as shop:
        yield shop


@pytest.fixture
def publishing_shop(held_folder: tuple[Path, str], tmp_path: Path) -> Iterator[HeldShop]:
    """Serve a shop whose console publishes as `packshot review` does: by a `packshot release` of its own."""
    with served_shop(held_folder, tmp_path / "shop", ReleaseProcesses()) as shop:
        yield shop
