"""A signature holds for one file and no other; reading one is safe, whatever the file says."""

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import c2pa
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from PIL import Image

from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.imaging.source_marks import TRAINED_ALGORITHMIC_MEDIA, read_mark
from infra.interfaces import FinishParameters
from infra.provenance import credentials
from infra.provenance.certificates import load_identity
from infra.provenance.credentials import ABSENT, ContentCredential, read_credential, strip_manifest
from infra.provenance.development_certificate import DEVELOPMENT_ISSUER, development_identity
from infra.provenance.signing import C2paSigner, packshot_version
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity

PICTURE = finish(np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8), FinishParameters())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c2pa")


@pytest.fixture(scope="module")
def signer(folder: Path) -> C2paSigner:
    return C2paSigner(development_identity(str(folder)))


@pytest.fixture(scope="module")
def signed_jpeg(signer: C2paSigner) -> bytes:
    return signer.sign(PICTURE, "mug-1/front-a-0")


def test_a_signed_file_says_who_made_it_with_what_and_when(signed_jpeg: bytes) -> None:
    said = read_credential(signed_jpeg)
    assert (said.state, said.is_present, said.is_valid, said.problems) == ("valid", True, True, ())
    assert (said.issuer, said.title, said.source_type) == (
        DEVELOPMENT_ISSUER,
        "mug-1/front-a-0",
        TRAINED_ALGORITHMIC_MEDIA,
    )
    assert said.generator == f"Packshot {packshot_version()}"
    assert abs(datetime.fromisoformat(said.signed_at) - datetime.now(UTC)) < timedelta(minutes=10)
    assert not said.stamped, "no time-stamp server was asked"


def test_nothing_but_the_manifest_is_added(signed_jpeg: bytes) -> None:
    assert strip_manifest(signed_jpeg) == PICTURE != signed_jpeg
    assert pixel_sha(decode(signed_jpeg)) == pixel_sha(decode(PICTURE))
    assert read_mark(signed_jpeg).source_type == TRAINED_ALGORITHMIC_MEDIA
    assert len(signed_jpeg) - len(PICTURE) < 5000, "there is no thumbnail"


def test_the_manifest_holds_one_created_action_and_nothing_that_was_not_said(signed_jpeg: bytes) -> None:
    with c2pa.Reader("image/jpeg", io.BytesIO(signed_jpeg)) as reader:
        store = json.loads(reader.json())
    [manifest] = store["manifests"].values()
    [assertion] = manifest["assertions"]
    [action] = assertion["data"]["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", TRAINED_ALGORITHMIC_MEDIA)
    assert "ingredients" not in manifest
    assert "thumbnail" not in manifest


def test_every_signing_gives_other_bytes_that_hold(signer: C2paSigner, signed_jpeg: bytes) -> None:
    again = signer.sign(PICTURE, "mug-1/front-a-0")
    assert again != signed_jpeg
    assert strip_manifest(again) == strip_manifest(signed_jpeg)
    assert read_credential(again).is_valid


def test_threads_may_sign_with_one_signer(signer: C2paSigner) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: signer.sign(PICTURE, f"sku-{number}/front-a-0"), range(64)))
        said = list(threads.map(read_credential, made))
    assert [each.title for each in said] == [f"sku-{number}/front-a-0" for number in range(64)]
    assert {each.state for each in said} == {"valid"}


@given(st.integers(0, 10**9), st.integers(1, 255))
@tries(max_examples=60, deadline=None)
def test_a_changed_byte_outside_the_manifest_breaks_the_signature(signed_jpeg: bytes, place: int, change: int) -> None:
    manifest = range(*_manifest_of(signed_jpeg))
    places = [*range(manifest.start), *range(manifest.stop, len(signed_jpeg))]
    spoilt = bytearray(signed_jpeg)
    spoilt[places[place % len(places)]] ^= change
    said = read_credential(bytes(spoilt))
    assert not said.is_valid
    if said.state == "invalid":
        assert any("dataHash" in problem or "mismatch" in problem for problem in said.problems), said


def _manifest_of(jpeg: bytes) -> tuple[int, int]:
    """Return where the APP11 segments begin and end: they follow each other."""
    places = [(start, end) for marker, start, end in credentials._segments(jpeg) if marker == 0xEB]
    return places[0][0], places[-1][1]


def test_a_file_whose_metadata_was_stripped_has_no_credential(signed_jpeg: bytes) -> None:
    target = io.BytesIO()
    Image.open(io.BytesIO(signed_jpeg)).save(target, "JPEG", quality=90)
    assert read_credential(target.getvalue()) == ABSENT == ContentCredential("absent")
    assert (ABSENT.is_present, ABSENT.is_valid) == (False, False)
    assert read_credential(PICTURE) == ABSENT


def test_another_pictures_manifest_does_not_hold(signer: C2paSigner, signed_jpeg: bytes) -> None:
    start, end = _manifest_of(signed_jpeg)
    other = finish(np.zeros((48, 64, 3), np.uint8), FinishParameters())
    moved = other[:start] + signed_jpeg[start:end] + other[start:]
    said = read_credential(moved)
    assert (said.state, said.is_valid) == ("invalid", False)
    assert "assertion.dataHash.mismatch" in said.problems[0]


def test_a_foreign_certificate_holds_and_is_trusted_only_where_its_root_is(tmp_path: Path, signed_jpeg: bytes) -> None:
    made = new_identity()
    theirs = C2paSigner(load_identity(*write_identity(tmp_path, made))).sign(PICTURE, "x")
    assert (read_credential(theirs).state, read_credential(theirs).issuer) == ("valid", FOREIGN_ORGANIZATION)
    assert read_credential(theirs, anchors=made.root.decode()).state == "trusted"
    assert read_credential(signed_jpeg, anchors=made.root.decode()).state == "valid"
    assert read_credential(signed_jpeg).state == "valid", "one reading's trust is not the next one's"


def test_a_signature_that_was_not_stamped_ends_with_its_certificate(tmp_path: Path) -> None:
    made = new_identity(ends=timedelta(seconds=4))
    theirs = C2paSigner(load_identity(*write_identity(tmp_path, made))).sign(PICTURE, "x")
    before = read_credential(theirs)
    until = time.monotonic() + 30
    while (after := read_credential(theirs)).is_valid and time.monotonic() < until:
        time.sleep(0.2)
    assert before.state == "valid"
    assert after.state == "invalid"
    assert any("expired" in problem or "outsideValidity" in problem for problem in after.problems), after


# Hostile files


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody may ask, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/manifest.c2pa", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_manifest_that_lies_elsewhere_is_not_fetched(listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    packet = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{url}"/></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    )
    target = io.BytesIO()
    Image.new("RGB", (16, 16)).save(target, "JPEG", xmp=packet.encode())
    assert not read_credential(target.getvalue()).is_valid
    assert asked == []
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/jpeg", io.BytesIO(target.getvalue()), context=c2pa.Context())
    assert asked == ["/manifest.c2pa"], "without our settings it would have been"


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=12), st.integers(0, 30)), min_size=1, max_size=8),
    st.integers(0, 10**6),
)
@example([], 2)
@example([], 40)
@tries(max_examples=80, deadline=None)
def test_no_damage_is_more_than_an_answer(signed_jpeg: bytes, edits: list[tuple[int, bytes, int]], end: int) -> None:
    spoilt = bytearray(signed_jpeg)
    for place, new, old in edits:
        at = place % len(spoilt)
        spoilt[at : at + old] = new
    spoilt = spoilt[: end % (2 * len(spoilt))]
    said = read_credential(bytes(spoilt))
    assert said.state in {"absent", "unreadable", "invalid", "valid"}
    assert said.is_valid or said.problems or not said.is_present


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"%PDF-1.7", bytes(1000), b"\xff\xd8" + b"\xff\xeb\xff\xff" * 50]
)
def test_what_is_no_picture_has_no_credential_that_holds(data: bytes) -> None:
    assert not read_credential(data).is_valid
    assert isinstance(strip_manifest(data), bytes)
