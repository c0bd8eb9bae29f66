"""Who signs is checked before anything is made; what is wrong is named with its file, and never with its key."""

import os
import pickle
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from infra.errors import ProvenanceConfigError
from infra.provenance.certificates import (
    DEVELOPMENT_ISSUER,
    development_folder,
    development_identity,
    load_identity,
    load_trust_anchors,
)
from infra.provenance.credentials import Signer
from tests.fixtures.signing_identities import (
    FOREIGN_ORGANIZATION,
    PemIdentity,
    key_as_pem,
    new_identity,
    write_identity,
)

FILES = ["development-root.pem", "development.lock", "development.pem"]


def test_a_chain_and_its_key_are_taken_and_the_key_is_not_shown(tmp_path: Path) -> None:
    made = new_identity()
    identity = load_identity(*write_identity(tmp_path, made))
    assert (identity.name, identity.algorithm, identity.development) == (FOREIGN_ORGANIZATION, "es256", False)
    assert identity.chain == made.chain
    assert identity.expires == min(identity.expires, datetime.now(UTC) + timedelta(days=300))
    secret = made.key.decode().splitlines()[1]
    assert secret in identity.key.decode()
    assert secret not in f"{identity} {identity!r} {vars(Signer(identity)).keys()}"
    assert pickle.loads(pickle.dumps(identity)) == identity  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_key_that_c2pa_knows_signs(tmp_path: Path, key: Any, algorithm: str) -> None:
    identity = load_identity(*write_identity(tmp_path, new_identity(key=key)))
    assert identity.algorithm == algorithm
    Signer(identity)  # which signs a small picture and reads it back


def spoilt(folder: Path, what: str) -> None:
    """Write chain.pem and key.pem with one thing wrong."""
    made, other = new_identity(), new_identity()
    day = timedelta(days=1)
    wrong = {
        "foreign key": lambda: PemIdentity(made.leaf, made.root, other.key),
        "root first": lambda: PemIdentity(made.root, made.leaf, made.key),
        "foreign root": lambda: PemIdentity(made.leaf, other.root, made.key),
        "expired": lambda: new_identity(ends=-day),
        "not yet valid": lambda: new_identity(starts=day),
        "weak key": lambda: new_identity(key=rsa.generate_private_key(65537, 1024)),  # noqa: S505 - which is the point
        "strange key": lambda: new_identity(key=dsa.generate_private_key(2048)),
        "locked key": lambda: PemIdentity(
            made.leaf, made.root, key_as_pem(ec.generate_private_key(ec.SECP256R1()), b"sesame")
        ),
        "no key": lambda: PemIdentity(made.leaf, made.root, b"sesame"),
        "no certificate": lambda: PemIdentity(b"nothing", b"", made.key),
        "too much": lambda: PemIdentity(made.leaf, b"\n" * 1_000_001, made.key),
    }
    write_identity(folder, wrong[what]())


@pytest.mark.parametrize(
    ("what", "file", "words"),
    [
        ("foreign key", "key.pem", "does not belong to the first certificate"),
        ("root first", "key.pem", "put the signing certificate first"),
        ("foreign root", "chain.pem", "is not issued by the next one"),
        ("expired", "chain.pem", "expired on .*; renew it"),
        ("not yet valid", "chain.pem", "is not valid before"),
        ("weak key", "key.pem", "RSA from 2048 bits on"),
        ("strange key", "key.pem", "C2PA cannot sign with the key"),
        ("locked key", "key.pem", "has a password; give one without"),
        ("no key", "key.pem", "holds no PEM private key that can be read"),
        ("no certificate", "chain.pem", "holds no PEM certificate"),
        ("too much", "chain.pem", "is larger than 1,000,000 bytes"),
    ],
)
def test_what_cannot_sign_is_refused_with_the_file_and_the_mend(
    tmp_path: Path, what: str, file: str, words: str
) -> None:
    spoilt(tmp_path, what)
    with pytest.raises(ProvenanceConfigError, match=words) as caught:
        load_identity(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    assert repr(str(tmp_path / file)) in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(("name", "setting"), [("chain.pem", "CERTIFICATE"), ("key.pem", "KEY")])
def test_a_file_that_is_missing_is_named_with_its_setting(tmp_path: Path, name: str, setting: str) -> None:
    paths = write_identity(tmp_path, new_identity())
    (tmp_path / name).unlink()
    with pytest.raises(
        ProvenanceConfigError, match=f"PACKSHOT_C2PA_{setting}: '{tmp_path}/{name}' cannot be read .No such file"
    ):
        load_identity(*paths)


def test_roots_to_trust_are_certificates(tmp_path: Path) -> None:
    made = new_identity()
    write_identity(tmp_path, made)
    assert load_trust_anchors(str(tmp_path / "roots.pem")) == made.root.decode()
    with pytest.raises(ProvenanceConfigError, match="holds no PEM certificate"):
        load_trust_anchors(str(tmp_path / "key.pem"))


# The development certificate


def test_a_development_certificate_is_made_once_and_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "c2pa"
    first = development_identity(str(folder))
    assert (first.name, first.development) == (DEVELOPMENT_ISSUER, True)
    assert "untrusted" in first.name
    assert first.expires > datetime.now(UTC) + timedelta(days=3000)
    assert development_identity(str(folder)) == first
    assert stat.S_IMODE((folder / "development.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert b"PRIVATE" not in (folder / "development-root.pem").read_bytes()


@pytest.mark.parametrize("damage", ["expired", "cut short", "another's"])
def test_a_development_certificate_that_cannot_sign_is_made_anew(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "development.pem"
    if damage == "expired":
        development_identity(str(tmp_path), datetime.now(UTC) - timedelta(days=20 * 365))
    elif damage == "cut short":
        development_identity(str(tmp_path))
        place.write_bytes(place.read_bytes()[:700])
    else:
        place.write_bytes(new_identity().key + new_identity().chain)
    before = place.read_bytes()
    made = development_identity(str(tmp_path))
    assert made.expires > datetime.now(UTC)
    assert place.read_bytes() != before
    assert development_identity(str(tmp_path)) == made


def test_processes_that_make_it_at_once_all_get_the_same_one(tmp_path: Path) -> None:
    command = (
        "import sys; from infra.provenance.certificates import development_identity as make; sys.stdin.read();"
        " print(make(sys.argv[1]).chain.decode())"
    )
    words = [sys.executable, "-c", command, str(tmp_path / "new")]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # all of them begin now
    said = set()
    for process in started:
        assert process.stdout is not None
        said.add(process.stdout.read())
        assert process.wait() == 0
    assert len(said) == 1
    assert said.pop().strip() == development_identity(str(tmp_path / "new")).chain.decode().strip()
    assert sorted(os.listdir(tmp_path / "new")) == FILES  # noqa: PTH208


def test_a_folder_that_cannot_be_written_says_which_setting_mends_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProvenanceConfigError, match=r"another folder by PACKSHOT_C2PA_FOLDER, or set PACKSHOT_C2PA=0"):
        development_identity(str(tmp_path / "file" / "c2pa"))


def test_it_is_kept_among_the_users_own_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert development_folder() == "/data/packshot/c2pa"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert development_folder() == "~/.local/share/packshot/c2pa"
