"""Load and validate a signing certificate and its private key.

Inputs: paths of PEM files. Outputs: a `SigningIdentity`, validated as far as possible without the network: the key
belongs to the leaf, each certificate is issued by the next one, and all are valid today. The private key is in no
message and no repr, and is never written into a store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from infra.errors import ProvenanceConfigError

MAX_PEM_BYTES = 1_000_000
"""More than any PEM file needs: a wrong path must not fill the memory."""

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class SigningIdentity:
    """A chain (PEM, leaf first) and the leaf's key. `expires` is the earliest expiry in the chain (UTC)."""

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str
    name: str
    expires: datetime
    development: bool = False


def load_identity(certificate: str, key: str, now: datetime | None = None) -> SigningIdentity:
    """Return the identity in two PEM files: the chain, leaf first, and the leaf's private key without a password.

    Raises `ProvenanceConfigError`, naming the file and what to do, where they cannot be read, do not belong together,
    or are not valid at `now`.
    """
    chain = parse_chain(_read(certificate, "PACKSHOT_C2PA_CERTIFICATE"), certificate)
    private = parse_private_key(_read(key, "PACKSHOT_C2PA_KEY"), key)
    return validate_identity(chain, private, (certificate, key), now or datetime.now(UTC))


def load_trust_anchors(path: str) -> str:
    """Return the PEM text of the root certificates to trust when credentials are read."""
    data = _read(path, "PACKSHOT_C2PA_TRUST")
    parse_chain(data, path)
    return data.decode("ascii", "replace")


def _read(path: str, setting: str) -> bytes:
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise ProvenanceConfigError(
            f"{setting}: {path!r} cannot be read ({error.strerror}); name a PEM file."
        ) from None
    except (ValueError, RuntimeError):
        raise ProvenanceConfigError(f"{setting}: {path!r} is no path; name a PEM file.") from None
    if len(data) > MAX_PEM_BYTES:
        raise ProvenanceConfigError(f"{setting}: {path!r} is larger than {MAX_PEM_BYTES:,} bytes; name a PEM file.")
    return data


def parse_chain(data: bytes, path: str) -> list[x509.Certificate]:
    """Return the certificates of a PEM file; raise `ProvenanceConfigError` where it has none."""
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ProvenanceConfigError(
            f"{path!r} holds no PEM certificate; give the chain as PEM, the signing certificate first."
        ) from None


def parse_private_key(data: bytes, path: str) -> Any:
    """Return the private key of a PEM file; raise `ProvenanceConfigError`, which repeats none of its bytes."""
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise ProvenanceConfigError(
            f"The private key in {path!r} has a password; give one without, readable for you alone."
        ) from None
    except Exception:  # its message might repeat the bytes
        raise ProvenanceConfigError(
            f"{path!r} holds no PEM private key that can be read; give one in PKCS#8."
        ) from None


def validate_identity(
    chain: Sequence[x509.Certificate], key: Any, paths: tuple[str, str], now: datetime, *, development: bool = False
) -> SigningIdentity:
    """Return the identity of a chain and a key; `paths` (certificate, key) are for messages.

    Raises `ProvenanceConfigError` unless they belong together and are valid at `now`.
    """
    certificate_path, key_path = paths
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise ProvenanceConfigError(
            f"The key {key_path!r} does not belong to the first certificate in {certificate_path!r}; give the key that"
            " the certificate was issued for, and put the signing certificate first."
        )
    for issued, issuer in pairwise(chain):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise ProvenanceConfigError(
                f"In {certificate_path!r} the certificate {_subject_name(issued)!r} is not issued by the next one,"
                f" {_subject_name(issuer)!r}; give the whole chain in order, the signing certificate first."
            ) from None
    starts = max(certificate.not_valid_before_utc for certificate in chain)
    ends = min(certificate.not_valid_after_utc for certificate in chain)
    if not starts <= now < ends:
        problem = f"expired on {ends:%Y-%m-%d}" if now >= ends else f"is not valid before {starts:%Y-%m-%d}"
        raise ProvenanceConfigError(f"The certificate chain in {certificate_path!r} {problem}; renew it.")
    pem = b"".join(certificate.public_bytes(PEM) for certificate in chain)
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningIdentity(pem, secret, _algorithm(key, key_path), _subject_name(leaf), ends, development)


def _algorithm(key: Any, path: str) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise ProvenanceConfigError(
        f"C2PA cannot sign with the key in {path!r}; it takes P-256, P-384, P-521, Ed25519, and RSA from 2048 bits on."
    )


def _subject_name(certificate: x509.Certificate) -> str:
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(kind):
            return str(attribute.value)
    return certificate.subject.rfc4514_string()
