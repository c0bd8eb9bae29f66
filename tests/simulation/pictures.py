"""What the simulated shop's pictures are: painted by the stub, with scores and looks that their titles decide.

Inputs: prompts, which are a slot's content (`title|category#template|view`). Outputs: an engine, a pool and a screener
without threads, so that a seed replays, and the two functions that the naive model asks: `score` and `looks`. Scores
are reported as sharpness, the one score that the simulated policies judge.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from catalogs.runs.work_items import ShardWork
from infra.engines.stub.stub_backend import StubBackend
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Prompt, Screened, Screener, ScreeningRequest
from infra.screening.inline import InlineScreener
from infra.screening.measure import _ScannerOutput, measure  # the type of what a scanner function returns

from .shop_facts import Picture

SCORE = "blur.foreground"
SCORES = {"good": (9.0, 12.0), "middling": (7.0, 9.0), "doubtful": (4.5, 7.0), "bad": (1.0, 3.0)}
"""First word of a title -> the range of its pictures' scores. `second`: bad, and good from the second seed on."""

TWIN, COPYCAT = "twin", "copycat"
"""First words of titles whose pictures look like others': twins by their first seed only, copycats always."""


def score(picture: Picture) -> float:
    """Return a picture's score."""
    kind = picture.content.split()[0]
    if kind == "second":
        kind = "bad" if picture.attempt == 0 else "good"
    low, high = SCORES.get(kind, SCORES["good"])
    chance = int.from_bytes(sha256(f"{picture.content} {picture.attempt}".encode()).digest()[:4], "big") / 2**32
    return 10.0 if kind == COPYCAT else low + chance * (high - low)


def looks(picture: Picture) -> str:
    """Return text that is equal for pictures which look alike."""
    words = picture.content.split()
    if words[0] == COPYCAT:
        return COPYCAT
    if words[0] == TWIN and picture.attempt == 0:
        return f"{TWIN} {words[1]}"
    return str(picture)


@dataclass
class PictureBook:
    """Which picture each image key stands for, how many were painted, and which have stored scores."""

    pictures: dict[str, Picture] = field(default_factory=dict)
    contents: dict[bytes, str] = field(default_factory=dict)
    painted: int = 0
    measured: set[Picture] = field(default_factory=set)

    def learn(self, work: ShardWork) -> None:
        """Take the names of a shard's images."""
        for item in work.items:
            self.contents[item.request.key] = item.request.prompt
            self.pictures[item.image_key] = Picture(item.request.prompt, item.attempt)


@dataclass
class SimulatedEngine:
    """Paints with the stub, in the calling thread; `is_down` decides whether it fails."""

    book: PictureBook
    is_down: Callable[[], bool]
    name: str = "stub"

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield a picture, or a failure, for each prompt; a picture takes an engine's second."""
        for prompt in prompts:
            if self.is_down():
                yield Failure(prompt.key, "the engine is down")
                continue
            self.book.painted += 1
            answer = StubBackend().generate_batch([prompt])[0]
            yield replace(answer, seconds=1.0)

    def busy_seconds(self) -> float:
        """Return a second for each picture."""
        return float(self.book.painted)

    def close(self) -> None:
        """Do nothing: there is no thread."""


@dataclass
class SimulatedPool:
    """Runs work at once. One item at a time: the thread that stages an image then has nothing beside it."""

    engine: SimulatedEngine

    def submit(self, work: Callable[[Engine, Any], Any], shard: Any) -> "Future[Any]":
        """Return the work's results."""
        self.engine.book.learn(shard)
        future: Future[Any] = Future()
        try:
            parts = [work(self.engine, replace(shard, items=(item,))) for item in shard.items]
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result([image for part in parts for image in part])
        return future

    def busy_seconds(self) -> float:
        """Return the engine's seconds."""
        return self.engine.busy_seconds()

    def close(self) -> None:
        """Do nothing."""


def open_simulated_screener(store: ObjectStore, book: PictureBook, is_away: Callable[[], bool]) -> Screener:
    """Return a screener that finishes images in earnest and reports the scores and looks of this module."""

    def measure_picture(request: ScreeningRequest, store: ObjectStore) -> Screened:
        picture = book.pictures[request.raw_key.rsplit("/", 1)[1].removesuffix(".png")]

        def scan_pixels(_: object) -> _ScannerOutput:
            if is_away():
                raise RuntimeError("the scanner is away")
            book.measured.add(picture)
            return _ScannerOutput({SCORE: score(picture), "size.width": 64.0, "size.height": 64.0})

        def scan_fingerprint(_: object) -> _ScannerOutput:
            look = looks(picture)
            code, crop = (sha256(f"{part} {look}".encode()).digest() for part in ("frame", "crop"))
            return _ScannerOutput(fingerprint=code, quality=100.0, crop=crop)

        return measure(request, store, {"pixels": scan_pixels, "fingerprint": scan_fingerprint})

    return InlineScreener(store, measure_picture)
