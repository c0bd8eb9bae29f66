"""The catalogues of a server follow its store where none was named, without a listing at every request."""

import pytest

from flows.web import shown_catalogues
from flows.web.shown_catalogues import ShownCatalogues
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import web_server


class Search:
    """Finds what is put into it, and counts."""

    def __init__(self, *found: str) -> None:
        self.found, self.count = [*found], 0

    def __call__(self) -> list[str]:
        """Return what is there now."""
        self.count += 1
        return [*self.found]


def test_named_catalogues_stay_and_others_are_searched_for_some_seconds_later(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search("garden", "home")
    shown = ShownCatalogues(["home"], search)
    assert (shown.look(), search.count) == (("home",), 0), "it was looked at just now"
    monkeypatch.setattr(shown_catalogues, "LOOK_AGAIN_SECONDS", 0.0)
    assert (shown.look(), shown.names) == (("garden", "home"), ("garden", "home"))
    assert ShownCatalogues(["home"]).look() == ("home",)


def test_a_catalogue_that_appears_is_listed_and_opened_while_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_catalogues, "LOOK_AGAIN_SECONDS", 0.0)
    search = Search()
    with web_server([PART], catalogues=(), find=search) as server:
        ann = server.browser("ann")
        assert "This store has no catalogue yet" in ann.get("/").text
        search.found = ["home"]
        assert ann.get("/catalogues/home/tests").text == "ann", "its address is known before the start page was seen"
        assert ann.get("/").headers["location"] == "/catalogues/home/tests"
        search.found = ["garden", "home"]
        assert '<a href="/catalogues/garden/tests">' in ann.get("/").text
        looked = search.count
        assert ann.get("/catalogues/home/tests").text == "ann"
        assert search.count == looked, "a page of a known catalogue lists nothing"
        assert ann.get("/catalogues/attic/tests").status_code == 404
