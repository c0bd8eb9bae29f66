"""Who signs: a certificate of the shop's own, or a development certificate that nobody trusts.

Comes in: paths of PEM files, or a folder of this machine's own. Goes out: an `Identity` that was checked as far as that
goes without the network: the key belongs to the leaf, each certificate is issued by the next one, and all are valid
today. The private key is in no message and no repr, and is never written into a store.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, flock
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.errors import ProvenanceConfigError

DEVELOPMENT_ISSUER = "Packshot development (untrusted)"
"""What verifiers show as the issuer of a development signature: whoever sees it knows what it is worth."""
IDENTITY_FILE = "development.pem"
ROOT_FILE = "development-root.pem"
LOCK_FILE = "development.lock"
MAX_PEM_BYTES = 1_000_000
"""More than any PEM file of ours has: a wrong path must not fill the memory."""

_DEVELOPMENT_YEARS = 10
"""Without a time stamp a signature ends with its certificate, so a rehearsal's should outlive it by far."""
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class SigningIdentity:
    """A chain (PEM, leaf first) and the leaf's key. `expires` is when the first certificate of the chain ends (UTC)."""

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
    chain = _parse_chain(_read(certificate, "PACKSHOT_C2PA_CERTIFICATE"), certificate)
    private = _parse_private_key(_read(key, "PACKSHOT_C2PA_KEY"), key)
    return _validated_identity(chain, private, (certificate, key), now or datetime.now(UTC))


def load_trust_anchors(path: str) -> str:
    """Return the PEM file of root certificates that are trusted when marks are read; raises `ProvenanceConfigError`."""
    data = _read(path, "PACKSHOT_C2PA_TRUST")
    _parse_chain(data, path)
    return data.decode("ascii", "replace")


def development_identity(folder: str, now: datetime | None = None) -> SigningIdentity:
    """Return this machine's development certificate, made where there is none or the one there is worn out.

    One file holds key and chain, readable for its owner alone; of several processes that want one at once the first
    makes it, and all of them return that one. Raises `ProvenanceConfigError` where the folder cannot be written.
    """
    place, now = Path(folder).expanduser() / IDENTITY_FILE, now or datetime.now(UTC)
    try:
        found = _stored_development_identity(place, now)
        if found is None:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (place.parent / LOCK_FILE).open("ab") as lock:
                flock(lock, LOCK_EX)  # until it is closed
                found = _stored_development_identity(place, now) or _create_development_identity(place, now)
    except OSError as error:
        raise ProvenanceConfigError(
            f"The development certificate cannot be kept in {str(place.parent)!r} ({error.strerror}): name another"
            " folder by PACKSHOT_C2PA_FOLDER, or set PACKSHOT_C2PA=0 to publish without C2PA."
        ) from None
    return found


def development_folder() -> str:
    """Return where the development certificate is kept unless a setting says otherwise: among the user's own data."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(Path(data) / "packshot" / "c2pa")


def _stored_development_identity(place: Path, now: datetime) -> SigningIdentity | None:
    """Return what is kept there; None where there is nothing, or nothing that can sign."""
    try:
        data = place.read_bytes()
        names = (str(place), str(place))
        return _validated_identity(
            _parse_chain(data, str(place)), _parse_private_key(data, str(place)), names, now, development=True
        )
    except (FileNotFoundError, ProvenanceConfigError):
        return None


def _create_development_identity(place: Path, now: datetime) -> SigningIdentity:
    """Make a certificate and keep it: whole or not at all, for its owner alone."""
    secret, leaf, root = _generate_development_certificates(now)
    _write_private_file(place.parent / ROOT_FILE, root)  # for whoever wants to trust it here; nothing of ours reads it
    _write_private_file(place, secret + leaf + root)
    chain, key = _parse_chain(leaf + root, str(place)), _parse_private_key(secret, str(place))
    return _validated_identity(chain, key, (str(place), str(place)), now, development=True)


def _write_private_file(place: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)


# Reading


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


def _parse_chain(data: bytes, path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ProvenanceConfigError(
            f"{path!r} holds no PEM certificate; give the chain as PEM, the signing certificate first."
        ) from None


def _parse_private_key(data: bytes, path: str) -> Any:
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise ProvenanceConfigError(
            f"The private key in {path!r} has a password; give one without, readable for you alone."
        ) from None
    except Exception:  # whatever it says of the bytes might repeat them
        raise ProvenanceConfigError(
            f"{path!r} holds no PEM private key that can be read; give one in PKCS#8."
        ) from None


def _validated_identity(
    chain: Sequence[x509.Certificate], key: Any, paths: tuple[str, str], now: datetime, *, development: bool = False
) -> SigningIdentity:
    certificate, key_path = paths
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise ProvenanceConfigError(
            f"The key {key_path!r} does not belong to the first certificate in {certificate!r}; give the key that the"
            " certificate was asked for with, and put the signing certificate first."
        )
    for issued, issuer in pairwise(chain):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise ProvenanceConfigError(
                f"In {certificate!r} the certificate {_subject_name(issued)!r} is not issued by the next one,"
                f" {_subject_name(issuer)!r}; give the whole chain in order, the signing certificate first."
            ) from None
    starts = max(each.not_valid_before_utc for each in chain)
    ends = min(each.not_valid_after_utc for each in chain)
    if not starts <= now < ends:
        what = f"expired on {ends:%Y-%m-%d}" if now >= ends else f"is not valid before {starts:%Y-%m-%d}"
        raise ProvenanceConfigError(f"The certificate chain in {certificate!r} {what}; renew it.")
    pem = b"".join(each.public_bytes(_PEM) for each in chain)
    secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
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


# Making


def _generate_development_certificates(now: datetime) -> tuple[bytes, bytes, bytes]:
    """Return a key, its leaf and the root, all PEM. The root's key is forgotten: it signs nothing else."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = (_subject(text) for text in ("development root", "development signer"))
    root = _certificate_builder(root_name, root_name, root_key, root_key, now)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    leaf = _certificate_builder(name, root_name, key, root_key, now)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_key_usage(digital_signature=True), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signed = [each.sign(root_key, hashes.SHA256()).public_bytes(_PEM) for each in (leaf, root)]
    return secret, signed[0], signed[1]


def _certificate_builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))  # another machine's clock may be behind
    builder = builder.not_valid_after(now + timedelta(days=365 * _DEVELOPMENT_YEARS))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.add_extension(authority, critical=False)


def _subject(common_name: str) -> x509.Name:
    pairs = ((NameOID.ORGANIZATION_NAME, DEVELOPMENT_ISSUER), (NameOID.COMMON_NAME, f"Packshot {common_name}"))
    return x509.Name([x509.NameAttribute(*pair) for pair in pairs])


def _key_usage(**used: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: used.get(name, False) for name in names})
