"""The development certificate: a self-made signing identity that no verifier trusts.

Inputs: a folder of this machine. Outputs: a `SigningIdentity`, kept in one file that only its owner can read.
Of several processes that need one at the same time, the first creates it and all use that one. A rehearsal can then
sign like production, and its issuer's name says that the signature is worth nothing.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.errors import ProvenanceConfigError
from infra.private_files import locked_folder, write_private_file
from infra.provenance.certificates import PEM, SigningIdentity, parse_chain, parse_private_key, validate_identity

DEVELOPMENT_ISSUER = "Packshot development (untrusted)"
"""What verifiers show as the issuer of a development signature, so that its worth is visible."""
IDENTITY_FILE = "development.pem"
ROOT_FILE = "development-root.pem"
LOCK_FILE = "development.lock"

_DEVELOPMENT_YEARS = 10
"""Without a time stamp a signature expires with its certificate, so a rehearsal's should last long."""


def development_identity(folder: str, now: datetime | None = None) -> SigningIdentity:
    """Return this machine's development certificate, created where there is none or it has expired.

    One file holds key and chain, readable by its owner alone. Of several processes at once, the first creates it, and
    all return that one. Raises `ProvenanceConfigError` where the folder cannot be written.
    """
    path, now = Path(folder).expanduser() / IDENTITY_FILE, now or datetime.now(UTC)
    try:
        identity = _stored_development_identity(path, now)
        if identity is None:
            with locked_folder(path.parent, LOCK_FILE):
                identity = _stored_development_identity(path, now) or _create_development_identity(path, now)
    except OSError as error:
        raise ProvenanceConfigError(
            f"The development certificate cannot be kept in {str(path.parent)!r} ({error.strerror}): name another"
            " folder by PACKSHOT_C2PA_FOLDER, or set PACKSHOT_C2PA=0 to publish without C2PA."
        ) from None
    return identity


def development_folder() -> str:
    """Return the default folder of the development certificate, among the user's own data."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(Path(data) / "packshot" / "c2pa")


def _stored_development_identity(path: Path, now: datetime) -> SigningIdentity | None:
    """Return the stored identity; None where there is none that can sign."""
    try:
        data = path.read_bytes()
        names = (str(path), str(path))
        return validate_identity(
            parse_chain(data, str(path)), parse_private_key(data, str(path)), names, now, development=True
        )
    except (FileNotFoundError, ProvenanceConfigError):
        return None


def _create_development_identity(path: Path, now: datetime) -> SigningIdentity:
    """Create a certificate and store it, completely or not at all, readable by its owner alone."""
    secret, leaf, root = _generate_development_certificates(now)
    write_private_file(path.parent / ROOT_FILE, root)  # for an operator to trust; Packshot does not read it
    write_private_file(path, secret + leaf + root)
    chain, key = parse_chain(leaf + root, str(path)), parse_private_key(secret, str(path))
    return validate_identity(chain, key, (str(path), str(path)), now, development=True)


def _generate_development_certificates(now: datetime) -> tuple[bytes, bytes, bytes]:
    """Return a key, its leaf and the root, all PEM. The root's key is discarded: it signs nothing else."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = (_subject(text) for text in ("development root", "development signer"))
    root = _certificate_builder(root_name, root_name, root_key, root_key, now)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    leaf = _certificate_builder(name, root_name, key, root_key, now)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_key_usage(digital_signature=True), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signed = [builder.sign(root_key, hashes.SHA256()).public_bytes(PEM) for builder in (leaf, root)]
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
