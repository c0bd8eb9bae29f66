"""Every relative link and image leads to a file, and every anchor to a heading."""

from pathlib import Path

import pytest

from tests.docs.documents import anchors, links, name_of, pages


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
