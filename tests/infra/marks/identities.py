"""Certificates by hand: good ones, and each way in which one can be wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
FOREIGN = "Somebody Else Ltd"


@dataclass(frozen=True)
class Made:
    """PEM texts: the leaf, its root, the leaf's key."""

    leaf: bytes
    root: bytes
    key: bytes

    @property
    def chain(self) -> bytes:
        return self.leaf + self.root


def pem_of(key: Any, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock))


def new_identity(
    name: str = FOREIGN,
    *,
    starts: timedelta = timedelta(days=-30),
    ends: timedelta = timedelta(days=300),
    key: Any = None,
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Made:
    """Make a root and a leaf; `starts` and `ends` are seen from now."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {what}"),
            ]
        )
        for what in ("root", "signer")
    )
    now = datetime.now(UTC)
    root = _certificate(root_name, root_name, root_key, now - timedelta(days=40), now + timedelta(days=400))
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_usage(signs_certificates=True), critical=True)
    leaf = _certificate(leaf_name, root_name, key, now + starts, now + ends)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(signs_certificates=False), critical=True)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    if purpose is not None:
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    signed = [each.sign(root_key, hashes.SHA256()).public_bytes(PEM) for each in (leaf, root)]
    return Made(signed[0], signed[1], pem_of(key))


def write_identity(folder: Path, made: Made) -> tuple[str, str]:
    """Write chain.pem, key.pem and roots.pem, and return the paths of the first two."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (("chain.pem", made.chain), ("key.pem", made.key), ("roots.pem", made.root)):
        (folder / name).write_bytes(data)
    return str(folder / "chain.pem"), str(folder / "key.pem")


def _certificate(subject: x509.Name, issuer: x509.Name, key: Any, starts: datetime, ends: datetime) -> Any:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), starts, ends)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
