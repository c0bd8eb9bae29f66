"""Signing: who may sign, what is refused before anything is signed, and what stops it."""

import io
import json
from pathlib import Path

import c2pa
import numpy as np
import pytest

from infra.errors import ProvenanceConfigError, ProvenanceMarkError
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, KeptOrigin
from infra.provenance.certificates import load_identity
from infra.provenance.credentials import read_credential
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity

PIXELS = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
PICTURE = finish(PIXELS, FinishParameters())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c2pa")


@pytest.fixture(scope="module")
def signer(folder: Path) -> C2paSigner:
    return C2paSigner(development_identity(str(folder)))


@pytest.fixture(scope="module")
def signed_jpeg(signer: C2paSigner) -> bytes:
    return signer.sign(PICTURE, "mug-1/front-a-0")


def test_a_certificate_that_c2pa_refuses_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    identity = load_identity(*write_identity(tmp_path, new_identity(purpose=None)))
    with pytest.raises(
        ProvenanceConfigError, match=f"C2PA refuses to sign as '{FOREIGN_ORGANIZATION}': .*extended key usage"
    ):
        C2paSigner(identity)


@pytest.mark.parametrize("url", ["ftp://there", "http://ada:sesame@there", "there", "http://", "http://a/?key=sesame"])
def test_an_address_that_no_time_stamp_comes_from_is_refused_and_not_repeated(folder: Path, url: str) -> None:
    with pytest.raises(ProvenanceConfigError, match="PACKSHOT_C2PA_TIMESTAMP_URL is no plain http") as caught:
        C2paSigner(development_identity(str(folder)), url)
    assert "sesame" not in str(caught.value)


def test_a_time_stamp_server_that_is_away_stops_the_signing(folder: Path) -> None:
    away = C2paSigner(development_identity(str(folder)), "http://127.0.0.1:9/")
    assert away.adds_timestamps
    with pytest.raises(ProvenanceMarkError, match="'x' could not be signed"):
        away.sign(PICTURE, "x")


def test_a_file_that_is_signed_already_is_not_signed_again(signer: C2paSigner, signed_jpeg: bytes) -> None:
    with pytest.raises(ProvenanceMarkError, match="changed more than the manifest"):
        signer.sign(signed_jpeg, "x")


def test_without_the_library_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(ProvenanceMarkError, match=r"c2pa-python is missing .* or set PACKSHOT_C2PA=0"):
        C2paSigner(development_identity(str(folder)))


# What a manifest says of a kept product

PHOTO_SHA = "5e" * 32
_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NONE, _COMPOSITE = "", f"{_TERMS}compositeWithTrainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("mode", "source_type"),
    [("white", _NONE), ("backdrop", f"{_TERMS}compositeCapture"), ("stage", _COMPOSITE), ("scene", _COMPOSITE)],
)
def test_an_image_of_a_photo_was_opened_and_edited_and_never_created(
    signer: C2paSigner, mode: str, source_type: str
) -> None:
    said = read_credential(signer.sign(finish(PIXELS, FinishParameters(), mode=mode), "x", KeptOrigin(mode, PHOTO_SHA)))
    assert (said.state, said.actions, said.photo) == ("valid", ("opened", "edited"), PHOTO_SHA)
    assert said.source_type == source_type
    assert said.signed_at


def test_a_product_before_a_photographed_backdrop_names_no_generative_term(signer: C2paSigner) -> None:
    signed = signer.sign(finish(PIXELS, FinishParameters(), mode="backdrop"), "x", KeptOrigin("backdrop", PHOTO_SHA))
    assert b"AlgorithmicMedia" not in signed
    assert signed.count(b"compositeCapture") == 2, "in the XMP, and in the manifest"


def test_a_generated_image_was_created_and_names_no_photo(signed_jpeg: bytes) -> None:
    said = read_credential(signed_jpeg)
    assert (said.actions, said.photo) == (("created",), "")


def test_of_the_photo_a_manifest_holds_the_sha256_and_nothing_else(signer: C2paSigner) -> None:
    signed = signer.sign(finish(PIXELS, FinishParameters(), mode="white"), "x", KeptOrigin("white", PHOTO_SHA))
    with c2pa.Reader("image/jpeg", io.BytesIO(signed)) as reader:
        store = json.loads(reader.json())
    [manifest] = store["manifests"].values()
    [ingredient] = manifest["ingredients"]
    assert {name: value for name, value in ingredient.items() if name != "label"} == {
        "title": "photo",
        "instance_id": f"urn:sha256:{PHOTO_SHA}",
        "relationship": "parentOf",
    }
    assert len(signed) - len(finish(PIXELS, FinishParameters(), mode="white")) < 5000, "no pixel of it is embedded"


def test_an_unknown_mode_is_not_signed(signer: C2paSigner) -> None:
    with pytest.raises(ValueError, match="no mode 'relit'"):
        signer.sign(PICTURE, "x", KeptOrigin("relit", PHOTO_SHA))
