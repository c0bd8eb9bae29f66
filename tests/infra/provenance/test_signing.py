"""Signing: who may sign, what is refused before anything is signed, and what stops it."""

from pathlib import Path

import numpy as np
import pytest

from infra.errors import ProvenanceConfigError, ProvenanceMarkError
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.provenance.certificates import load_identity
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
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
