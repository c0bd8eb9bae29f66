"""Photos are resolved once: known ones cost nothing, bad ones have a reason each, and nothing that is live is lost."""

import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.photos.https_client import FetchedPhoto
from infra.photos.invalid_photo import PHOTO_REASONS, InvalidPhoto
from infra.photos.photo_files import SETTLING_TIME, PhotoReader
from infra.photos.photo_index import load_index, save_index
from infra.photos.photo_references import AllowedPlaces, PhotoReference
from infra.stores import open_store
from infra.stores.request_count import REQUESTS
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.photos.resolving import SAVE_SECONDS, PhotoReading, StorePhotoResolver
from tests.fixtures.hostile_photos import hostile_photos
from tests.fixtures.photo_files import whole_photos

PHOTOS = whole_photos()
HOST = "cdn.shop.example"


def sha(name: str) -> str:
    return hashlib.sha256(PHOTOS[name]).hexdigest()


def later() -> datetime:
    """Return a time at which the files of this test have settled."""
    return datetime.now(UTC) + 2 * SETTLING_TIME


class Shop:
    """A catalogue's photos in a folder or a bucket, and a store."""

    def __init__(self, photos: str, store: str) -> None:
        self.photos, self.store = open_store(photos), open_store(store)
        allowed = AllowedPlaces(store=self.store.url, folders=(photos,), hosts=frozenset({HOST}))
        self.reading = PhotoReading(allowed, timedelta(days=7), "|", reader=PhotoReader(clock=later))

    def resolver(self, store: ObjectStore | None = None, **changes: Any) -> StorePhotoResolver:
        return StorePhotoResolver(store or self.store, "shop", replace(self.reading, **changes), {})

    def resolve(self, *cells: str, complete: bool = True, **changes: Any) -> tuple[list[str], list[str]]:
        """Resolve these cells as one run does; return their tokens, and the warnings."""
        resolver = self.resolver(**changes)
        tokens = resolver.resolve(pa.array(cells, pa.string())).to_pylist()
        resolver.finish(complete=complete)
        return tokens, resolver.warnings()

    def indexed(self) -> dict[str, str]:
        rows = load_index(self.store, layout.photo_index("shop")).to_pylist()
        return {row["reference"].rpartition("/")[2]: row["reason"] or row["sha256"].hex() for row in rows}

    def sources(self) -> set[str]:
        return {info.key for info in self.store.list(layout.SOURCES)}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "shop").mkdir()
    return Shop(str(tmp_path / "shop"), str(tmp_path / "store"))


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_photos_are_kept_once_and_an_idle_run_lists_and_reads_nothing(
    tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue("s3_url") if place == "s3" else str(tmp_path)
    shop = Shop(f"{base}/shop", f"{base}/store")
    shop.photos.write("photos/a.jpg", PHOTOS["JPEG"])
    shop.photos.write("photos/b.png", PHOTOS["PNG"])
    shop.photos.write("photos/again.png", PHOTOS["PNG"])
    cells = ("photos/a.jpg", "", "photos/b.png|photos/a.jpg", "photos/again.png")
    wanted = [sha("JPEG"), "", f"{sha('PNG')} {sha('JPEG')}", sha("PNG")]
    assert shop.resolve(*cells) == (wanted, [])
    assert shop.sources() == {layout.source_photo(sha("JPEG"), "jpg"), layout.source_photo(sha("PNG"), "png")}
    written = shop.store.info(layout.photo_index("shop")).modified

    class NoReader(PhotoReader):
        def read(self, reference: PhotoReference, known_version: str = "") -> FetchedPhoto | None:
            raise AssertionError(f"{reference} was read again, {known_version}")

    before = REQUESTS.since()
    assert shop.resolve(*cells, reader=NoReader()) == (wanted, [])
    spent = REQUESTS.since(before)
    assert set(spent) <= {"head", "get", "list"}
    assert (spent.get("list", 0), sum(spent.values()) <= 4) == (int(base.startswith("s3:")), True), spent
    assert shop.store.info(layout.photo_index("shop")).modified == written


def test_an_idle_run_of_100_000_rows_lists_its_folder_once_and_reads_the_index_once(shop: Shop) -> None:
    for number in range(40):
        shop.photos.write(f"photos/{number}.jpg", PHOTOS["JPEG"] + b"%d" % number)
    cells = [f"photos/{number % 40}.jpg" for number in range(100_000)]
    shop.resolve(*cells)
    calls = FaultInjector(None)
    roots = list[str]()

    def open_root(url: str) -> ObjectStore:
        roots.append(url)
        return open_store(url)

    resolver = shop.resolver(FaultyStore(shop.store, calls), open_root=open_root)
    for start in range(0, len(cells), 16_384):
        tokens = resolver.resolve(pa.array(cells[start : start + 16_384])).to_pylist()
        assert all(len(token) == 64 for token in tokens)
    resolver.finish(complete=True)
    assert len(roots) == 1, "one listing"
    assert calls.operation_count <= 2, "the index, and the store's clock"


def test_an_idle_run_lists_each_of_its_folders_once_in_whatever_order_rows_name_them(shop: Shop) -> None:
    folders, names = 30, [f"{number % 30:02}/{number}.jpg" for number in range(90)]
    for name in names:
        shop.photos.write(name, PHOTOS["JPEG"] + name.encode())
    shop.resolve(*names)
    calls, listings = FaultInjector(None), FaultInjector(None)
    resolver = shop.resolver(
        FaultyStore(shop.store, calls), open_root=lambda url: FaultyStore(open_store(url), listings)
    )
    for batch in (names[:45], names[30:], sorted(names), names[::-1]):
        tokens = resolver.resolve(pa.array(batch)).to_pylist()
        assert tokens == [hashlib.sha256(PHOTOS["JPEG"] + name.encode()).hexdigest() for name in batch]
    resolver.finish(complete=True)
    assert listings.operation_count == folders
    assert calls.operation_count <= 2, "the index, and the store's clock"


def test_a_changed_photo_is_read_and_another_path_of_the_same_bytes_is_the_same_photo(shop: Shop) -> None:
    shop.photos.write("a.jpg", PHOTOS["JPEG"])
    assert shop.resolve("a.jpg")[0] == [sha("JPEG")]
    shop.photos.write("a.jpg", PHOTOS["PNG"])
    shop.photos.write("moved/b.jpg", PHOTOS["JPEG"])
    assert shop.resolve("a.jpg", "moved/b.jpg")[0] == [sha("PNG"), sha("JPEG")]


def test_what_cannot_be_used_has_its_reason_and_the_first_of_each_is_told(shop: Shop) -> None:
    shop.photos.write("a.pdf", b"%PDF-1.7 and more")
    shop.photos.write("small.jpg", PHOTOS["JPEG"])
    cells = ["gone.jpg", "p/gone.jpg", "a.pdf", "../a.jpg", "http://x.example/a.jpg", "a\0b", "|".join(["a"] * 51)]
    tokens, warnings = shop.resolve(*cells)
    assert tokens == ["!photo.missing"] * 2 + ["!photo.wrong-format"] + ["!photo.reference"] * 4
    assert [warning.split(":")[0] for warning in warnings] == [
        "2 × photo.missing", "4 × photo.reference", "1 × photo.wrong-format",
    ]  # fmt: skip
    assert "/shop/gone.jpg' is not there; check its path. So are 1 others." in warnings[0]
    assert "The photo is a PDF; give a JPEG, PNG, WebP or TIFF." in warnings[2]
    assert shop.sources() == set()


def test_a_refused_file_is_not_read_again_until_it_changes_or_the_days_have_passed(shop: Shop) -> None:
    shop.photos.write("a.jpg", b"%PDF-1.7")
    first = shop.resolve("a.jpg")
    assert first[0] == ["!photo.wrong-format"]
    asked = list[int]()
    assert shop.resolve("a.jpg", on_read=asked.append) == first
    assert asked == []
    shop.resolve("a.jpg", on_read=asked.append, recheck=timedelta(0))
    assert asked == [1]
    shop.photos.write("a.jpg", PHOTOS["JPEG"])
    assert shop.resolve("a.jpg")[0] == [sha("JPEG")]


def test_a_dry_run_lists_and_looks_up_and_writes_nothing(shop: Shop) -> None:
    shop.photos.write("a.jpg", PHOTOS["JPEG"])
    shop.photos.write("p/b.jpg", PHOTOS["PNG"])
    dry = ["!photo.not-read", "!photo.not-read", "!photo.missing", "!photo.not-read"]
    tokens, warnings = shop.resolve("a.jpg", "p/b.jpg", "gone.jpg", f"https://{HOST}/a.jpg", writes=False)
    assert tokens == dry
    assert "3 photos are not read yet: a dry run fetches none, and a refresh does" in warnings
    assert list(shop.store.list("")) == []
    shop.resolve("a.jpg", "p/b.jpg")
    before = {info.key: info.modified for info in shop.store.list("")}
    shop.photos.write("p/b.jpg", PHOTOS["JPEG"] + b"new")
    assert shop.resolve("a.jpg", "p/b.jpg", writes=False)[0] == [sha("JPEG"), "!photo.not-read"]
    assert {info.key: info.modified for info in shop.store.list("")} == before


def source_of(name: str) -> str:
    return layout.source_photo(sha(name), "jpg" if name == "JPEG" else "png")


def lose(shop: Shop, name: str, how: str) -> None:
    """Lose what the store keeps of a photo."""
    if how == "deleted":
        shop.store.delete([source_of(name)])
    else:
        shop.store.write(source_of(name), PHOTOS[name][:-7])


@pytest.mark.parametrize("how", ["deleted", "damaged"])
def test_a_photo_that_the_store_has_lost_is_fetched_again_where_an_image_needs_it(shop: Shop, how: str) -> None:
    shop.photos.write("p/a.jpg", PHOTOS["JPEG"])
    shop.photos.write("p/b.png", PHOTOS["PNG"])
    shop.resolve("p/a.jpg", "p/b.png")
    lose(shop, "JPEG", how)
    resolver = shop.resolver()
    assert resolver.resolve(pa.array(["p/a.jpg", "p/b.png"])).to_pylist() == [sha("JPEG"), sha("PNG")]
    resolver.restore([sha("PNG")])
    assert resolver.warnings() == []
    resolver.restore([sha("JPEG"), sha("PNG")])
    resolver.restore([sha("JPEG"), sha("PNG")])
    resolver.finish(complete=True)
    assert shop.store.read(source_of("JPEG")) == PHOTOS["JPEG"]
    assert resolver.warnings() == ["1 photos were gone from the store, or damaged there: they were fetched again"]
    assert shop.indexed() == {"a.jpg": sha("JPEG"), "b.png": sha("PNG")}


def test_a_lost_photo_on_the_web_is_asked_for_whole_and_not_whether_it_changed(shop: Shop) -> None:
    web = Web(lambda _: FetchedPhoto(PHOTOS["JPEG"], "etag 1"))
    shop.resolve(URL, reader=web.reader())
    lose(shop, "JPEG", "deleted")
    resolver = shop.resolver(reader=web.reader())
    resolver.resolve(pa.array([URL]))
    resolver.restore([sha("JPEG")])
    assert web.asked == [(URL, ""), (URL, "")]
    assert shop.store.read(source_of("JPEG")) == PHOTOS["JPEG"]


def test_an_index_entry_that_names_bytes_which_never_were_is_mended_as_a_changed_photo(shop: Shop) -> None:
    shop.photos.write("p/a.jpg", PHOTOS["JPEG"])
    shop.resolve("p/a.jpg")
    key = layout.photo_index("shop")
    index = load_index(shop.store, key)
    save_index(shop.store, key, index.set_column(2, index.schema.field("sha256"), pa.array([bytes(32)], pa.binary(32))))
    resolver = shop.resolver()
    assert resolver.resolve(pa.array(["p/a.jpg"])).to_pylist() == ["0" * 64]
    resolver.restore(["0" * 64])
    resolver.finish(complete=True)
    assert resolver.warnings()[0].startswith("1 × photo.lost: the store holds these photos no longer")
    assert shop.resolve("p/a.jpg") == ([sha("JPEG")], [])


def test_a_lost_photo_is_fetched_from_no_place_that_the_catalogue_does_not_name(shop: Shop, tmp_path: Path) -> None:
    shop.photos.write("p/a.jpg", PHOTOS["JPEG"])
    elsewhere = Shop(str(tmp_path / "other"), str(tmp_path / "store"))
    elsewhere.photos.write("p/a.jpg", PHOTOS["JPEG"])
    elsewhere.resolve("p/a.jpg", complete=False)
    shop.photos.write("p/b.png", PHOTOS["PNG"])
    lose(shop, "JPEG", "deleted")
    resolver = shop.resolver()
    resolver.resolve(pa.array(["p/b.png"]))
    resolver.restore([sha("JPEG")])
    assert source_of("JPEG") not in shop.sources()
    assert resolver.warnings()[0].startswith("1 × photo.lost: ")
    resolver.resolve(pa.array(["p/a.jpg"]))
    assert source_of("JPEG") in shop.sources()


def test_a_lost_photo_whose_place_does_not_answer_is_tried_again_in_the_next_run(shop: Shop) -> None:
    shop.resolve(URL, reader=Web(lambda _: FetchedPhoto(PHOTOS["JPEG"], "etag 1")).reader())
    lose(shop, "JPEG", "deleted")
    for answer, is_there in ((refuse("photo.unreachable"), False), (lambda _: FetchedPhoto(PHOTOS["JPEG"], "1"), True)):
        resolver = shop.resolver(reader=Web(answer).reader())
        assert resolver.resolve(pa.array([URL])).to_pylist() == [sha("JPEG")]
        resolver.restore([sha("JPEG")])
        resolver.finish(complete=True)
        assert (source_of("JPEG") in shop.sources()) is is_there


def test_a_dry_run_fetches_no_lost_photo(shop: Shop) -> None:
    shop.photos.write("p/a.jpg", PHOTOS["JPEG"])
    shop.resolve("p/a.jpg")
    lose(shop, "JPEG", "deleted")
    resolver = shop.resolver(writes=False)
    resolver.resolve(pa.array(["p/a.jpg"]))
    resolver.restore([sha("JPEG")])
    assert (shop.sources(), resolver.warnings()) == (set(), [])


class Web:
    """A host's answers, in place of the client."""

    def __init__(self, answer: Callable[[str], FetchedPhoto | None]) -> None:
        self.answer, self.asked = answer, list[tuple[str, str]]()

    def fetch(self, url: str, known_version: str = "") -> FetchedPhoto | None:
        self.asked.append((url, known_version))
        return self.answer(url)

    def reader(self) -> PhotoReader:
        return PhotoReader(self)  # type: ignore[arg-type]


def refuse(reason: Any) -> Callable[[str], FetchedPhoto | None]:
    def answer(url: str) -> FetchedPhoto | None:
        raise InvalidPhoto(reason, f"The photo {url!r} was not had.")

    return answer


URL = f"https://{HOST}/mug.jpg"


@pytest.mark.parametrize("reason", ["photo.unreachable", "photo.not-fetched"])
def test_a_server_that_fails_leaves_the_earlier_photo_and_is_counted(shop: Shop, reason: str) -> None:
    web = Web(lambda _: FetchedPhoto(PHOTOS["JPEG"], "etag 1"))
    assert shop.resolve(URL, reader=web.reader()) == ([sha("JPEG")], [])
    down = Web(refuse(reason))
    tokens, warnings = shop.resolve(URL, f"https://{HOST}/new.jpg", reader=down.reader(), recheck=timedelta(0))
    assert tokens == [sha("JPEG"), f"!{reason}"]
    assert warnings[-1].startswith("1 photos could not be asked for, so what was read of them earlier is used")
    assert (URL, "etag 1") in down.asked


def test_a_photo_that_a_server_says_is_gone_is_missing(shop: Shop) -> None:
    shop.resolve(URL, reader=Web(lambda _: FetchedPhoto(PHOTOS["JPEG"], "etag 1")).reader())
    gone = Web(refuse("photo.missing"))
    assert shop.resolve(URL, reader=gone.reader(), recheck=timedelta(0))[0] == ["!photo.missing"]


def test_an_unchanged_photo_on_the_web_is_not_asked_for_again_for_days(shop: Shop) -> None:
    shop.resolve(URL, reader=Web(lambda _: FetchedPhoto(PHOTOS["JPEG"], "etag 1")).reader())
    unchanged = Web(lambda _: None)
    assert shop.resolve(URL, reader=unchanged.reader(), recheck=timedelta(0))[0] == [sha("JPEG")]
    assert unchanged.asked == [(URL, "etag 1")]
    assert shop.resolve(URL, reader=unchanged.reader())[0] == [sha("JPEG")]
    assert len(unchanged.asked) == 1


def test_a_host_that_is_down_is_left_alone_after_some_tries(shop: Shop) -> None:
    down = Web(refuse("photo.unreachable"))
    tokens, warnings = shop.resolve(*(f"https://{HOST}/{number}.jpg" for number in range(500)), reader=down.reader())
    assert set(tokens) == {"!photo.unreachable"}
    assert 20 <= len(down.asked) < 40, "eight are asked at once"
    assert warnings[0].startswith("500 × photo.unreachable")


def test_a_folder_that_cannot_be_listed_leaves_what_is_known(shop: Shop) -> None:
    shop.photos.write("p/a.jpg", PHOTOS["JPEG"])
    shop.resolve("p/a.jpg")

    def fail(url: str) -> ObjectStore:
        raise StoreError(f"The store {url} did not answer.")

    tokens, warnings = shop.resolve("p/a.jpg", "p/new.jpg", open_root=fail)
    assert tokens == [sha("JPEG"), "!photo.unreachable"]
    assert "cannot be listed: The store" in warnings[0]


def test_a_complete_run_forgets_what_is_not_named_and_a_partial_one_nothing(shop: Shop) -> None:
    for name in ("a.jpg", "b.jpg"):
        shop.photos.write(name, PHOTOS["JPEG"])
    shop.resolve("a.jpg", "b.jpg")
    shop.resolve("a.jpg", complete=False)
    assert shop.indexed().keys() == {"a.jpg", "b.jpg"}
    shop.resolve("a.jpg")
    assert shop.indexed().keys() == {"a.jpg"}
    shop.resolve("")
    assert shop.indexed() == {}


def test_two_runs_at_once_keep_each_other_s_rows(shop: Shop) -> None:
    for name in ("old.jpg", "full.jpg", "new.jpg"):
        shop.photos.write(name, PHOTOS["JPEG"])
    shop.resolve("old.jpg")
    nightly, partial = shop.resolver(), shop.resolver()
    nightly.resolve(pa.array(["full.jpg"]))
    partial.resolve(pa.array(["new.jpg"]))
    partial.finish(complete=False)
    nightly.finish(complete=True)
    assert shop.indexed().keys() == {"full.jpg", "new.jpg"}


def test_the_index_is_saved_in_steps_so_that_a_killed_first_night_goes_on(shop: Shop) -> None:
    for number in range(30):
        shop.photos.write(f"p/{number:02}.jpg", PHOTOS["JPEG"] + b"%d" % number)
    cells = [f"p/{number:02}.jpg" for number in range(30)]
    asked = list[int]()

    def die_at_20(count: int) -> None:
        asked.append(count)
        if len(asked) == 20:
            raise KeyboardInterrupt

    ticks = iter(range(0, 10**6, int(SAVE_SECONDS / 5)))
    with pytest.raises(KeyboardInterrupt):
        shop.resolver(on_read=die_at_20, monotonic=lambda: next(ticks)).resolve(pa.array(cells))
    saved = len(shop.indexed())
    assert 10 <= saved < 20
    again = list[int]()
    tokens, _ = shop.resolve(*cells, on_read=again.append)
    assert (sum(again), len(set(tokens)), len(shop.sources())) == (30 - saved, 30, 30)


def test_killed_at_any_operation_the_next_run_ends_the_same(tmp_path: Path) -> None:
    def night(shop: Shop, dies_at: int | None) -> int:
        mortality = FaultInjector(dies_at)
        resolver = shop.resolver(FaultyStore(shop.store, mortality), recheck=timedelta(days=1))
        try:
            resolver.resolve(pa.array(["a.jpg", "b.jpg", "gone.jpg"]))
            resolver.finish(complete=True)
        except InjectedFault:
            assert mortality.has_failed
        return mortality.operation_count

    def new_shop(name: str) -> Shop:
        (tmp_path / name / "shop").mkdir(parents=True)
        shop = Shop(str(tmp_path / name / "shop"), str(tmp_path / name / "store"))
        shop.photos.write("a.jpg", PHOTOS["JPEG"])
        shop.photos.write("b.jpg", PHOTOS["PNG"])
        return shop

    operations = night(new_shop("whole"), None)
    assert operations >= 4
    for dies_at in range(1, operations + 1):
        shop = new_shop(str(dies_at))
        night(shop, dies_at)
        tokens, _ = shop.resolve("a.jpg", "b.jpg", "gone.jpg")
        assert tokens == [sha("JPEG"), sha("PNG"), "!photo.missing"], dies_at
        assert shop.indexed() == {"a.jpg": sha("JPEG"), "b.jpg": sha("PNG")}
        assert len(shop.sources()) == 2


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Count every connection that is tried."""
    tried = list[Any]()

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


def test_hostile_references_open_no_connection_and_have_a_reason_each(shop: Shop, no_connection: list[Any]) -> None:
    references = [
        "https://127.0.0.1/a.jpg", "https://localhost/a.jpg", "https://169.254.169.254/latest/meta-data",
        f"https://user:hunter2@{HOST}/a.jpg", f"https://{HOST}/a.jpg?X-Amz-Signature=hunter2", "file://other/etc/passwd",
        "/etc/passwd", "~/.ssh/id_rsa", "store:staging/ab/x.png", "store:review/shop/pictures/x.jpg", "ftp://x/a.jpg",
        "..%2f..%2fetc/passwd", "p/../../a.jpg", "a\u202egpj.exe", "\\\\server\\share\\a.jpg", "s3://other/a.jpg",
    ]  # fmt: skip
    tokens, warnings = shop.resolve(*references)
    assert tokens == ["!photo.reference"] * len(references)
    assert (no_connection, shop.sources(), shop.indexed()) == ([], set(), {})
    assert not any("hunter2" in warning for warning in warnings)


def test_hostile_files_have_a_reason_each_and_the_others_are_kept(shop: Shop) -> None:
    files = list(islice(hostile_photos(), 0, 5000, 25))
    for number, (_, data) in enumerate(files):
        shop.photos.write(f"p/{number}.jpg", data)
    tokens, _ = shop.resolve(*(f"p/{number}.jpg" for number in range(len(files))))
    kept = {token for token in tokens if not token.startswith("!")}
    assert {token[1:] for token in tokens if token.startswith("!")} <= set(PHOTO_REASONS)
    assert len(kept) < len(files)
    assert {key.rpartition("/")[2][:64] for key in shop.sources()} == kept
    for token, (label, data) in zip(tokens, files, strict=True):
        assert token.startswith("!") or token == hashlib.sha256(data).hexdigest(), label
