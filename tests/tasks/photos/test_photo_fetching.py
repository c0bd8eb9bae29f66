"""Photos are read side by side, checked before they are kept, and a place that is down is left alone."""

from datetime import UTC, datetime
from pathlib import Path

from catalogs import layout
from infra.photos.https_client import FetchedPhoto
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_files import PhotoReader
from infra.photos.photo_references import PhotoReference
from infra.stores.memory import MemoryStore
from tasks.photos.photo_fetching import MAX_FAILURES, PhotoFetcher, PhotoToFetch, place_of
from tests.fixtures.photo_files import whole_photos

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PHOTOS = whole_photos()


class Given(PhotoReader):
    """Answers by a reference's name: bytes, None for an unchanged photo, or a refusal."""

    def __init__(self, answers: dict[str, bytes | InvalidPhoto | None]) -> None:
        super().__init__()
        self.answers, self.asked = answers, list[tuple[str, str]]()

    def read(self, reference: PhotoReference, known_version: str = "") -> FetchedPhoto | None:
        self.asked.append((reference.name, known_version))
        answer = self.answers[reference.name]
        if isinstance(answer, InvalidPhoto):
            raise answer
        return None if answer is None else FetchedPhoto(answer, "v2")


def web(name: str) -> PhotoReference:
    return PhotoReference("https", "", f"https://cdn.shop.example/{name}")


def test_each_answer_is_a_row_or_a_reason_in_order() -> None:
    store = MemoryStore("fetched")
    gone = InvalidPhoto("photo.missing", "It is gone.")
    reader = Given({"a": PHOTOS["JPEG"], "b": None, "c": b"%PDF-1.7", "d": gone})
    known = {"b": b"\1" * 32}
    photos = [PhotoToFetch(PhotoReference("folder", "file:///p", name), "v1", known.get(name)) for name in "abcd"]
    answers = list(PhotoFetcher(store, reader, NOW).fetch(photos))
    assert [answer.reference for answer in answers] == [f"file:///p/{name}" for name in "abcd"]
    assert [answer.error and answer.error.reason for answer in answers] == [
        None, None, "photo.wrong-format", "photo.missing",
    ]  # fmt: skip
    assert [answer.row and answer.row["version"] for answer in answers] == ["v2", "v1", "v2", None]
    assert answers[1].digest == known["b"]
    assert answers[2].row is not None
    assert answers[2].row["refusal"] == str(answers[2].error)
    assert [info.key for info in store.list("")] == [layout.source_photo(answers[0].digest.hex(), "jpg")]
    assert sorted(reader.asked) == [("a", ""), ("b", "v1"), ("c", ""), ("d", "")], "only what is kept is compared"


def test_a_picture_that_is_a_document_too_is_not_kept(tmp_path: Path) -> None:
    store = MemoryStore("polyglot")
    both = PHOTOS["JPEG"] + b"<script>alert(1)</script>"
    (answer,) = PhotoFetcher(store, Given({"a": both}), NOW).fetch([PhotoToFetch(PhotoReference("folder", "x", "a"))])
    assert answer.error is not None
    assert (answer.error.reason, list(store.list(""))) == ("photo.polyglot", [])


def test_a_host_that_answers_in_between_is_asked_on_and_a_disk_always() -> None:
    down = InvalidPhoto("photo.unreachable", "It did not answer.")
    for begin, asked in (("https://cdn.shop.example/", MAX_FAILURES), ("", 3 * MAX_FAILURES)):
        reader = Given({f"{begin}{number}": down for number in range(3 * MAX_FAILURES)})
        reader.answers[f"{begin}{MAX_FAILURES - 1}"] = None
        kind, root = ("https", "") if begin else ("folder", "file:///p")
        fetcher = PhotoFetcher(MemoryStore("down"), reader, NOW)
        answers = [
            next(fetcher.fetch([PhotoToFetch(PhotoReference(kind, root, f"{begin}{number}"))]))  # type: ignore[arg-type]
            for number in range(3 * MAX_FAILURES)
        ]
        assert len(reader.asked) == (MAX_FAILURES + asked if begin else asked)
        assert sum(answer.error is not None for answer in answers) == 3 * MAX_FAILURES - 1
    assert place_of(web("a.jpg")) == "cdn.shop.example"
