"""The pages and forms of the review console, by HTTP, as a browser without JavaScript uses them."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import Scope
from tests.fixtures.review_console import Console, Visitor, running_console
from tests.fixtures.review_shop import ReviewShop, Waiting, mugs

LAMP = Waiting("LAMP", ("words.nudity",), {}, "Naked Flame Lamp")
VASE = Waiting("VASE", ("explicit",), {}, seed=50, days_old=5)
MUGS = mugs(6)
ACCEPT = {"kind": "accept"}


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a shop in which eight items wait, made once: each test answers in a copy."""
    folder = tmp_path_factory.mktemp("waiting")
    ReviewShop(folder).ask([*MUGS, LAMP, VASE])
    return folder


@pytest.fixture
def shop(waiting: Path, tmp_path: Path) -> ReviewShop:
    return ReviewShop(shutil.copytree(waiting, tmp_path / "shop"))


@pytest.fixture
def console(shop: ReviewShop) -> Iterator[Console]:
    with running_console(shop) as console:
        yield console


@pytest.fixture
def ann(console: Console) -> Visitor:
    return console.visitor("Ann")


def item_of(url: str) -> str:
    return re.findall(r"/items/([0-9a-f-]+)", url)[0]


@pytest.mark.parametrize("seconds", ["-5", "1e308", "inf", "nan", "soon"])
def test_a_time_that_no_clock_shows_leaves_an_answer_that_can_be_read(
    console: Console, shop: ReviewShop, ann: Visitor, seconds: str
) -> None:
    ann.get(console.base)
    for path, fields in (
        (f"/items/{MUGS[0].id}/answer", {**ACCEPT, "seconds": seconds}),
        ("/grid?group=cut-off", {"item": MUGS[1].id, "seconds": seconds}),
    ):
        assert ann.post(f"{console.base}{path}", fields).status_code == 200
    assert [(answer.kind, answer.seconds) for answer in shop.answers()] == [(AnswerKind.ACCEPT, None)] * 2


def test_the_start_page_shows_each_reason_with_its_count_and_its_pictures(console: Console, ann: Visitor) -> None:
    page = ann.get(console.base)
    assert page.status_code == 200
    assert re.findall(r"<h2>([^<]+)</h2>\s*<p class=\"count\">(\d+)</p>", page.text) == [
        ("Explicit", "1"), ("The prompt has a term of the list nudity", "1"), ("Cut off", "6"),
    ]  # fmt: skip
    thumbnails = re.findall(r'src="([^"]+/images/thumbnail)"', page.text)
    assert len(thumbnails) == 6, "five of the mugs, and the vase"
    picture = ann.get(thumbnails[0])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"].startswith("private")


def test_each_answer_leads_to_the_next_item_and_is_in_the_store_with_its_seconds(
    shop: ReviewShop, console: Console, ann: Visitor
) -> None:
    page = ann.get(f"{console.base}/next?group=cut-off")
    first = item_of(str(page.url))
    page = ann.post(f"{console.base}/items/{first}/answer?group=cut-off", {"kind": "accept", "seconds": "3.5"})
    second = item_of(str(page.url))
    assert second != first
    assert "Accepted." in page.text
    ann.post(f"{console.base}/items/{second}/answer?group=cut-off", {"kind": "refuse", "reason": "deformed"})
    told = [(answer.kind, answer.who, answer.reason, answer.seconds) for answer in shop.answers()]
    assert told == [(AnswerKind.ACCEPT, "Ann", "", 3.5), (AnswerKind.REFUSE, "Ann", "deformed", None)]


def test_the_page_of_an_item_says_what_comes_next_and_loads_its_picture_ahead(console: Console, ann: Visitor) -> None:
    page = ann.get(f"{console.base}/next?group=cut-off")
    coming = page.text.partition("<h2>Comes next</h2>")[2].partition("</section>")[0]
    named = re.findall(r'<a href="[^"]+/items/([0-9a-f-]+)[^"]*"><bdi>(MUG-\d+, front)</bdi>', coming)
    assert [name for name, _ in named] == [mug.id for mug in MUGS[1:4]]
    ahead = re.findall(r'data-ahead="([^"]+)"', page.text)[0].split()
    assert [item_of(address) for address in ahead] == [name for name, _ in named]


def test_another_attempt_keeps_an_edited_prompt_and_leaves_out_the_row_s_own(
    shop: ReviewShop, console: Console, ann: Visitor
) -> None:
    for mug, prompt in zip(MUGS, ("a mug, front view\r\n", "a mug, whole, front view"), strict=False):
        ann.post(f"{console.base}/items/{mug.id}/answer", {"kind": "retry", "prompt": prompt})
    assert [answer.prompt for answer in shop.answers()] == ["", "a mug, whole, front view"]


def test_a_refusal_in_words_without_words_comes_back_with_the_field_open(
    shop: ReviewShop, console: Console, ann: Visitor
) -> None:
    page = ann.post(f"{console.base}/items/{MUGS[0].id}/answer", {"kind": "refuse", "reason": "other", "why": "  "})
    assert item_of(str(page.url)) == MUGS[0].id
    assert "Say in words what is wrong" in page.text
    assert '<details class="choose refuse" open>' in page.text
    assert shop.answers() == []
    ann.post(f"{console.base}/items/{MUGS[0].id}/answer", {"kind": "refuse", "reason": "other", "why": "a crack"})
    assert [(answer.reason, answer.why) for answer in shop.answers()] == [("other", "a crack")]


def test_undo_takes_the_last_answer_back_and_shows_its_item_again(
    shop: ReviewShop, console: Console, ann: Visitor
) -> None:
    ann.post(f"{console.base}/items/{LAMP.id}/answer", {"kind": "accept"})
    ann.get(f"{console.base}/next?group=cut-off")
    page = ann.post(f"{console.base}/undo?group=cut-off")
    assert item_of(str(page.url)) == LAMP.id
    assert "taken back" in page.text
    accepted, undone = shop.answers()
    assert (undone.kind, undone.undoes) == (AnswerKind.UNDO, accepted.token)
    assert "no answer of this session left" in ann.post(f"{console.base}/undo").text


def test_undo_after_a_run_has_decided_the_item_is_written_and_the_page_says_what_it_does(
    shop: ReviewShop, console: Console, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.reviews.review_queue.LOOK_AGAIN_SECONDS", 0.0)
    for item, kind in ((LAMP, {"kind": "retry"}), (MUGS[1], {"kind": "refuse", "reason": "colour"}), (VASE, ACCEPT)):
        ann.post(f"{console.base}/items/{item.id}/answer", kind)
    shop.take_away([LAMP, MUGS[1], VASE])
    for words in ("takes it out of sight", "decides it again without your refusal", "another attempt that a run has"):
        page = unescape(ann.post(f"{console.base}/undo").text)
        assert "Your last answer is taken back. Its item waits no more" in page
        assert words in page
    given, undone = shop.answers()[:3], shop.answers()[3:]
    assert [(answer.undoes, answer.image) for answer in undone] == [
        (answer.token, answer.image) for answer in reversed(given)
    ]
    assert "no answer of this session left" in ann.post(f"{console.base}/undo").text


def test_a_skipped_item_comes_back_when_all_others_are_answered(console: Console, ann: Visitor) -> None:
    page = ann.get(f"{console.base}/next?group=cut-off")
    skipped = item_of(str(page.url))
    page = ann.post(f"{console.base}/items/{skipped}/skip?group=cut-off")
    seen = []
    while item_of(str(page.url)) != skipped and len(seen) < 9:
        seen.append(item_of(str(page.url)))
        page = ann.post(f"{console.base}/items/{seen[-1]}/answer?group=cut-off", {"kind": "accept"})
    assert len(seen) == 5


def test_a_grid_refuses_the_marked_ones_each_for_its_reason_and_accepts_all_others(
    shop: ReviewShop, console: Console, ann: Visitor
) -> None:
    page = ann.get(f"{console.base}/grid?group=cut-off")
    shown = re.findall(r'name="item" value="([^"]+)"', page.text)
    assert sorted(shown) == sorted(mug.id for mug in MUGS)
    form = [("item", name) for name in shown] + [("bad", shown[1]), ("bad", shown[4])]
    form += [(f"reason-{shown[1]}", ""), (f"reason-{shown[4]}", "colour"), ("reason", "cropped"), ("seconds", "12")]
    assert 'value="other"' not in page.text, "many images have no words of their own"
    wordless = ann.post(f"{console.base}/grid?group=cut-off", [*form[:-2], ("reason", "other")])
    assert (wordless.status_code, shop.answers()) == (400, [])
    page = ann.post(f"{console.base}/grid?group=cut-off", form)
    given = {f"{answer.image.image_key.hex()}": answer for answer in shop.answers() if answer.image}
    assert {name: given[name[:64]].reason for name in shown} == {
        name: {shown[1]: "cropped", shown[4]: "colour"}.get(name, "") for name in shown
    }
    assert {answer.seconds for answer in shop.answers()} == {2.0}
    assert "Explicit" in ann.get(console.base).text


def test_a_grid_accepts_nothing_of_which_it_has_no_picture(shop: ReviewShop) -> None:
    """Its copy expired: the tile says so, and the answer to all others is no answer to it."""
    lost = replace(MUGS[0], sku="LOST", seed=99)
    shop.ask([lost], run_id="20261101T000000-00000009", stores_pictures=False)
    with running_console(shop) as console:
        ann = console.visitor("Ann")
        page = ann.get(f"{console.base}/grid?group=cut-off").text
        assert (page.count('class="tile"'), page.count(">no image<")) == (7, 1)
        ann.post(f"{console.base}/grid?group=cut-off", [("item", item.id) for item in (*MUGS, lost)])
        assert {answer.image.sku for answer in shop.answers() if answer.image} == {mug.sku for mug in MUGS}
        said = ann.post(f"{console.base}/items/{lost.id}/answer", ACCEPT)
        assert (said.status_code, "is no longer stored" in said.text, len(shop.answers())) == (400, True, 6)


def test_an_explicit_picture_is_blurred_until_somebody_asks_for_it(console: Console, ann: Visitor) -> None:
    path = f"{console.base}/items/{VASE.id}"
    assert 'class="frame large may-veil veiled"' in ann.get(path).text
    assert 'class="frame large may-veil"' in ann.get(f"{path}?unveiled=1").text
    assert "may-veil veiled" in ann.get(f"{console.base}/grid?group=explicit").text


def test_who_may_only_look_sees_everything_and_answers_nothing(shop: ReviewShop, console: Console) -> None:
    cleo = console.visitor("Cleo", frozenset({Scope.LOOK}))
    page = cleo.get(f"{console.base}/items/{MUGS[0].id}")
    assert page.status_code == 200
    assert "Your answer" not in page.text
    for path, fields in (
        (f"/items/{MUGS[0].id}/answer", {"kind": "accept"}),
        (f"/items/{MUGS[0].id}/skip", {}),
        ("/grid", {"item": MUGS[0].id}),
        ("/undo", {}),
        ("/stay", {}),
    ):
        assert cleo.post(console.base + path, fields).status_code == 403, path
    assert shop.answers() == []


def test_who_may_only_look_takes_nothing_from_those_who_answer(shop: ReviewShop, console: Console) -> None:
    """Else one key that opens nothing but looking could keep a whole night's queue from everybody."""
    cleo, ann = console.visitor("Cleo", frozenset({Scope.LOOK})), console.visitor("Ann")
    before = {info.key for info in shop.store.list("")}
    for _ in range(2):
        grid = cleo.get(f"{console.base}/grid")
        assert (grid.text.count('class="tile"'), "data-stay" in grid.text) == (8, False)
        assert item_of(str(cleo.get(f"{console.base}/next").url)) == VASE.id
    assert {info.key for info in shop.store.list("")} == before, "looking has written something"
    assert item_of(str(ann.get(f"{console.base}/next").url)) == VASE.id
    assert item_of(str(cleo.get(f"{console.base}/next").url)) == VASE.id, "whoever only looks sees it all the same"
    assert ann.get(f"{console.base}/grid?group=cut-off").text.count('class="tile"') == 6


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"kind": "undo"}, "kind: give one of accept, refuse, retry."),
        ({}, "kind: give one of"),
        ({"kind": "refuse", "reason": "ugly"}, "reason: give one of wrong-product"),
        ({"kind": "refuse"}, "reason: give one of"),
    ],
)
def test_an_answer_of_no_known_kind_is_refused_by_name(
    shop: ReviewShop, console: Console, ann: Visitor, fields: dict[str, str], word: str
) -> None:
    page = ann.post(f"{console.base}/items/{MUGS[0].id}/answer", fields)
    assert page.status_code == 400
    assert word in unescape(page.text)
    assert shop.answers() == []


def test_an_item_that_is_gone_is_said_to_be_gone_and_the_next_one_follows(console: Console, ann: Visitor) -> None:
    page = ann.post(f"{console.base}/items/{'0' * 64}-{'0' * 12}/answer", {"kind": "accept"})
    assert "needs no answer any more" in page.text
    for path in (f"/items/{'0' * 64}", "/items/../../x", f"/items/{MUGS[0].id}/images/view-9", "/items/x/images/shown"):
        assert ann.get(console.base + path).status_code == 404, path


def test_hostile_filters_are_refused_by_name_or_match_nothing(console: Console, ann: Visitor) -> None:
    page = ann.get(f"{console.base}?since=yesterday")
    assert page.status_code == 400
    assert "since: 'yesterday' is no day" in unescape(page.text)
    assert "Nothing fits what you chose" in ann.get(f"{console.base}?sku=%3Cscript%3E&category=%00").text
    assert "<script>alert" not in ann.get(f"{console.base}?said=%3Cscript%3Ealert(1)%3C/script%3E").text


def test_who_signs_out_leaves_to_the_others_what_they_had_before_them(console: Console, ann: Visitor) -> None:
    had = item_of(str(ann.get(f"{console.base}/next?group=explicit").url))
    ben = console.visitor("Ben")
    assert item_of(str(ben.get(f"{console.base}/next?group=explicit").url)) != had
    ann.post("/sign-out")
    assert item_of(str(console.visitor("Cleo").get(f"{console.base}/next?group=explicit").url)) == had


def test_the_story_of_a_sku_is_a_page(shop: ReviewShop, console: Console, ann: Visitor) -> None:
    shop.release("20261101T000000-00000001", {"MUG-000/front": "red"})
    page = ann.get(f"{console.base}/story?sku=MUG-000")
    assert page.status_code == 200
    assert "Live since release" in page.text
