"""Who signs is checked before anything is made; what is wrong is named with its file, and never with its key."""

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from infra.errors import ProvenanceConfigError
from infra.provenance.certificates import load_identity, load_trust_anchors
from infra.provenance.signing import C2paSigner
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
    assert secret not in f"{identity} {identity!r} {vars(C2paSigner(identity)).keys()}"
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
    C2paSigner(identity)  # which signs a small picture and reads it back


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
