"""5,000 hostile photos are read, cut out and placed, or have a reason each; none is lost, and memory has a bound."""

import hashlib
import socket
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from infra.composing.composer import Composer
from infra.interfaces import Failure, Prompt
from infra.photos.https_client import PhotoClient, connect_to
from infra.photos.invalid_photo import PHOTO_REASONS
from infra.photos.photo_files import PhotoReader
from infra.photos.photo_references import AllowedPlaces
from infra.stores import open_store
from tasks.photos.resolving import PhotoReading, StorePhotoResolver
from tests.fixtures import composed_shop as shop
from tests.fixtures.hostile_products import KINDS, READABLE, hostile_product
from tests.fixtures.http_servers import loopback_server, respond
from tests.fixtures.tls_certificates import tls_contexts

MEGABYTE = 1 << 20
CANVAS = 128
COMPOSED = "composed"
REASONS = {
    "a decompression bomb": {"photo.too-large"},
    "30,000 px wide": {"photo.too-large"},
    "animated": {"photo.animated"},
    "an SVG": {"photo.wrong-format"},
    "truncated": {"photo.unreadable"},
    "20 MB of metadata": {"photo.unreadable"},
} | {kind: {COMPOSED} for kind in READABLE}
"""What becomes of each kind; nothing else may."""
MOST_MB = 400
"""What resolving and composing take beside the libraries: 8 files at once, and one photo of these sizes decoded."""


def peak_mb() -> float:
    """Return this process's largest resident size, of all its life."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE


def fill(folder: Path, numbers: Iterable[int]) -> list[tuple[str, str, str]]:
    """Write files; return the kind, reference and sha256 of each."""
    (folder / "shop" / "p").mkdir(parents=True)
    files = list[tuple[str, str, str]]()
    for kind, name, data in map(hostile_product, numbers):
        (folder / "shop" / "p" / name).write_bytes(data)
        files.append((kind, f"p/{name}", hashlib.sha256(data).hexdigest()))
    return files


def resolve_and_compose(folder: Path, references: list[str]) -> tuple[list[str], list[str], float]:
    """Return the token and the end of each photo, and the megabytes that all of it took."""
    sys.addaudithook(refuse_connections)
    store = open_store(str(folder / "store"))
    allowed = AllowedPlaces(store=store.url, folders=(str(folder / "shop"),))
    reader = PhotoReader(clock=lambda: datetime.now(UTC) + timedelta(minutes=1))
    resolver = StorePhotoResolver(store, "shop", PhotoReading(allowed, timedelta(days=7), reader=reader), {})
    composer = Composer(store, shop.TERMS, shop.OPEN_CUTTER)
    before = peak_mb()
    tokens = resolver.resolve(pa.array(references)).to_pylist()
    resolver.finish(complete=True)
    usable = [token for token in tokens if not token.startswith("!")]
    prompts = (Prompt(sha, "", 0, CANVAS, CANVAS, kept=shop.kept_request(sha).kept or "") for sha in usable)
    ends = {token: token[1:] for token in tokens if token.startswith("!")}
    for sha, answer in zip(usable, composer.generate(prompts), strict=True):
        ends[sha] = (answer.code or f"a defect: {answer.reason}") if isinstance(answer, Failure) else COMPOSED
    return tokens, [ends[token] for token in tokens], peak_mb() - before


def refuse_connections(event: str, arguments: tuple[object, ...]) -> None:
    """Fail where anything of this process reaches for the network."""
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise AssertionError(f"{event} {arguments}")


def assert_nothing_is_lost(folder: Path, count: int) -> None:
    files = fill(folder, range(count))
    # In a process of its own: a peak never falls, and a decoder that crashes takes its process along.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        work = child.submit(resolve_and_compose, folder, [reference for _, reference, _ in files])
        tokens, ends, megabytes = work.result()
    assert len(tokens) == len(ends) == count
    found = {kind: Counter[str]() for kind in KINDS}
    for (kind, reference, sha), token, end in zip(files, tokens, ends, strict=True):
        assert token == sha or token[1:] in PHOTO_REASONS, reference
        found[kind][end] += 1
    assert {kind: set(ends) for kind, ends in found.items()} == REASONS, found
    store = open_store(str(folder / "store"))
    kept = {info.key.rpartition("/")[2][:64]: info.key for info in store.list(layout.SOURCES)}
    assert kept.keys() == {token for token in tokens if not token.startswith("!")}
    assert all(hashlib.sha256(store.read(key)).hexdigest() == sha for sha, key in kept.items())
    assert megabytes < MOST_MB


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak is read from /proc")


@needs_proc
def test_each_kind_of_hostile_photo_is_composed_or_has_its_reason(tmp_path: Path) -> None:
    assert_nothing_is_lost(tmp_path, 3 * len(KINDS))


@needs_proc
@pytest.mark.timeout(3000)
@pytest.mark.long(seconds=300)
def test_5000_hostile_photos_are_composed_or_have_a_reason_each(tmp_path: Path) -> None:
    assert_nothing_is_lost(tmp_path, 5000)


CDN, INSIDE, PUBLIC = "cdn.shop.example", "img.shop.example", "93.184.216.34"
TARGETS = ("https://127.0.0.1/x.jpg", "https://localhost/x.jpg", "https://[::1]/x.jpg", "https://10.0.0.7/x.jpg",
           "https://169.254.169.254/latest/meta-data", "http://127.0.0.1:8080/x.jpg", "file:///etc/passwd",
           f"https://{INSIDE}/x.jpg", "//2130706433/x.jpg", "https://[::ffff:127.0.0.1]/x.jpg")  # fmt: skip
"""Where a hostile server leads; the name of the allowed host `INSIDE` has a private address."""


def test_a_shop_s_photos_that_redirect_to_loopback_or_inside_have_a_reason_each_and_nothing_is_dialled(
    tmp_path: Path,
) -> None:
    server_tls, client_tls = tls_contexts([CDN, INSIDE], tmp_path)
    good, dialled = shop.product_photo(1, 160), list[str]()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        number = int(handler.path.strip("/").partition(".")[0])
        if number % 3:
            respond(handler, 302, b"", Location=TARGETS[number % len(TARGETS)])
        else:
            respond(handler, 200, good + b"%d" % number, ETag=f'"{number}"')

    with loopback_server(answer, server_tls) as server:

        def connect(address: str, _: int, seconds: float) -> socket.socket:
            dialled.append(address)
            return connect_to("127.0.0.1", server.port, seconds)

        names = {CDN: [PUBLIC], INSIDE: ["10.0.0.5"]}
        client = PhotoClient(frozenset(names), resolve=lambda host, _: names[host], connect=connect, tls=client_tls)
        store = open_store(str(tmp_path / "store"))
        reading = PhotoReading(
            AllowedPlaces(store.url, (), frozenset(names)), timedelta(days=7), reader=PhotoReader(client)
        )
        resolver = StorePhotoResolver(store, "shop", reading, {})
        tokens = resolver.resolve(pa.array([f"https://{CDN}/{number}.jpg" for number in range(150)])).to_pylist()
    for number, token in enumerate(tokens):
        expected = hashlib.sha256(good + b"%d" % number).hexdigest() if number % 3 == 0 else "!photo.not-fetched"
        assert token == expected, number
    assert set(dialled) == {PUBLIC}
    assert len(dialled) == len(server.requests) == 150
    assert [warning.partition(":")[0] for warning in resolver.warnings()] == ["100 × photo.not-fetched"]
