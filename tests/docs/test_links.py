"""Every relative link and image leads to a file, and every anchor to a heading."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import anchors, links, name_of, pages, prose
from tests.paths import ROOT

EXAMPLE = "stripes"
"""The scanner that `add-a-gate.md` adds, which is in no tree."""


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_and_anchors_resolve(page: Path) -> None:
    broken = []
    for target in links(page):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_a_path_in_running_text_is_in_the_tree(page: Path) -> None:
    named = re.findall(r"`((?:catalogs|infra|tasks|flows|tests|docs|bench)/[\w./-]+)`", prose(page))
    assert [
        path for path in named if not (ROOT / path).exists() and "stripes" not in path
    ] == []  # add-a-gate's example


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached, queue = set(), [pages()[[name_of(page) for page in pages()].index("README.md")]]
    while queue:
        page = queue.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in links(page):
            path = (page.parent / target.partition("#")[0]).resolve()
            if "://" not in target and path.suffix == ".md" and path.exists():
                queue.append(path)
    assert sorted(name_of(page) for page in set(pages()) - reached) == []


def test_every_picture_of_docs_is_shown_on_a_page() -> None:
    shown = {(page.parent / target).resolve() for page in pages() for target in links(page)}
    kept = {path for ending in ("png", "jpg", "svg") for path in (ROOT / "docs").rglob(f"*.{ending}")}
    assert sorted(path.name for path in kept - shown) == []
