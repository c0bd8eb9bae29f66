"""Content Credentials: a signed C2PA manifest in a JPEG, written last and read back.

Comes in: the bytes of a finished file and an `Identity`. Goes out: the same file with a manifest that says a trained
model made it, which program signed it and when; and, of any file, what such a manifest says and whether it holds.
Signed bytes are others at each signing; everything but the manifest's own segments stays as it was, to the byte, and
`strip_manifest` proves it. Nothing here uses the network unless a time-stamp server is given: remote manifests and
revocation lists, which a hostile file may name, are never fetched.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any, Literal
from urllib.parse import urlsplit

from PIL import Image

from infra.errors import ProvenanceConfigError, ProvenanceMarkError, one_line
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA
from infra.provenance.certificates import SigningIdentity

GENERATOR = "Packshot"
JPEG = "image/jpeg"

_OFFLINE_SETTINGS = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_SIGNING_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {**_OFFLINE_SETTINGS, "verify_after_sign": False},
}
"""A thumbnail would cost 50 kB and 70 ms a picture; what was signed is verified as it lies in the store."""
_UNTRUSTED_CODE = "signingCredential.untrusted"
"""c2pa calls it a failure, and yet the signature holds: it says who does not know the signer."""

CredentialState = Literal["absent", "unreadable", "invalid", "valid", "trusted"]


@dataclass(frozen=True)
class ContentCredential:
    """What a file's C2PA manifest says. Texts are foreign: a hostile file's own.

    `state` is "absent", "unreadable", "invalid", "valid" (it holds; the signer is nobody's that we trust) or "trusted".
    `signed_at` is the time stamp's where `stamped`, else what the signer claims.
    """

    state: CredentialState
    issuer: str = ""
    signed_at: str = ""
    stamped: bool = False
    generator: str = ""
    title: str = ""
    source_type: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_present(self) -> bool:
        """Tell whether there is a manifest, sound or not."""
        return self.state != "absent"

    @property
    def is_valid(self) -> bool:
        """Tell whether the signature holds and the file is the one that was signed, whoever signed it."""
        return self.state in {"valid", "trusted"}


ABSENT = ContentCredential("absent")


class Signer:
    """Signs files as one identity. Safe to use from several threads: the native signer is only read."""

    def __init__(self, identity: SigningIdentity, timestamp_url: str | None = None) -> None:
        """Load the library and sign a small picture, so that what cannot sign is known before anything is made.

        Raises `ProvenanceConfigError` for a certificate that C2PA refuses or an address that is none,
        `ProvenanceMarkError` where the library is missing.
        """
        _check_timestamp_url(timestamp_url)
        self.identity = identity
        self.adds_timestamps = timestamp_url is not None
        self._context = _import_c2pa().Context.from_dict(_SIGNING_SETTINGS)
        trial = self._open_native_signer(None)
        try:
            held = read_credential(self._signed(trial, _SPECIMEN, "specimen"))
        except ProvenanceMarkError as error:
            held = ContentCredential("invalid", problems=(str(error),))
        finally:
            trial.close()
        if not held.is_valid:
            raise ProvenanceConfigError(
                f"C2PA refuses to sign as {identity.name!r}: {'; '.join(held.problems)}. Its certificate needs the key"
                " usage digitalSignature and an extended key usage such as emailProtection."
            )
        self._signer = self._open_native_signer(timestamp_url)

    def _open_native_signer(self, timestamp_url: str | None) -> Any:
        c2pa, who = _import_c2pa(), self.identity
        try:
            return c2pa.Signer.from_info(c2pa.C2paSignerInfo(who.algorithm, who.chain, who.key, timestamp_url))
        except c2pa.C2paError:  # its words might repeat the key
            raise ProvenanceConfigError(f"C2PA cannot sign as {who.name!r}; check certificate chain and key.") from None

    def sign(self, jpeg: bytes, title: str) -> bytes:
        """Return the JPEG with a signed manifest; `title` is public. Raises `ProvenanceMarkError`."""
        signed = self._signed(self._signer, jpeg, title)
        if strip_manifest(signed) != jpeg:
            raise ProvenanceMarkError(f"Signing {title!r} changed more than the manifest; nothing was published.")
        return signed

    def _signed(self, signer: Any, jpeg: bytes, title: str) -> bytes:
        c2pa, target = _import_c2pa(), io.BytesIO()
        try:
            with c2pa.Builder(_new_manifest(title), self._context) as builder:
                builder.sign(signer, JPEG, io.BytesIO(jpeg), target)
        except c2pa.C2paError as error:
            raise ProvenanceMarkError(f"{title!r} could not be signed: {one_line(error)}") from None
        return target.getvalue()


def read_credential(data: bytes, format: str = JPEG, anchors: str = "") -> ContentCredential:  # noqa: A002 - the field's word
    """Return what a file's manifest says. `anchors` are trusted roots, PEM; without any, nobody is trusted.

    Damage is an answer and no exception; raises `ProvenanceMarkError` only where the library is missing.
    """
    c2pa = _import_c2pa()
    try:
        with c2pa.Reader(format, io.BytesIO(data), context=_reader_context(anchors)) as reader:
            return _parse_credential(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return ABSENT
    except (c2pa.C2paError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        return ContentCredential("unreadable", problems=(one_line(error),))


def strip_manifest(jpeg: bytes) -> bytes:
    """Return a JPEG without its APP11 segments, where C2PA keeps its manifest; all else to the byte."""
    kept = bytearray(jpeg[:2])
    for marker, start, end in _segments(jpeg):
        if marker != _APP11:
            kept += jpeg[start:end]
    return bytes(kept)


_APP11, _START_OF_SCAN = 0xEB, 0xDA


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each header segment, and then all the rest as one."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _START_OF_SCAN:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield jpeg[at + 1], at, end
        at = end
    yield _START_OF_SCAN, at, len(jpeg)


def _new_manifest(title: str) -> dict[str, Any]:
    action = {
        "action": "c2pa.created",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "softwareAgent": {"name": GENERATOR, "version": packshot_version()},
        "digitalSourceType": TRAINED_ALGORITHMIC_MEDIA,
    }
    return {
        "claim_generator_info": [{"name": GENERATOR, "version": packshot_version()}],
        "title": title,
        "format": JPEG,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }


def _parse_credential(store: Mapping[str, Any]) -> ContentCredential:
    manifest = store["manifests"][store["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    action = next(_created_actions(manifest), {})
    agent: Mapping[str, Any] = next(iter(manifest.get("claim_generator_info") or ()), {})
    failures = ((store.get("validation_results") or {}).get("activeManifest") or {}).get("failure") or ()
    problems = (
        f"{each.get('code')}: {each.get('explanation')}" for each in failures if each["code"] != _UNTRUSTED_CODE
    )
    stamped = signature.get("time")
    state: CredentialState = _STATE_BY_VALIDATION.get(store.get("validation_state"), "invalid")
    return ContentCredential(
        state=state,
        issuer=one_line(signature.get("issuer") or signature.get("common_name") or ""),
        signed_at=one_line(stamped or action.get("when") or ""),
        stamped=bool(stamped),
        generator=one_line(f"{agent.get('name', '')} {agent.get('version', '')}".strip()),
        title=one_line(manifest.get("title") or ""),
        source_type=one_line(action.get("digitalSourceType") or ""),
        problems=tuple(one_line(problem) for problem in problems) if state == "invalid" else (),
    )


_STATE_BY_VALIDATION: Mapping[Any, CredentialState] = {"Valid": "valid", "Trusted": "trusted"}


def _created_actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label")).startswith("c2pa.actions"):
            actions = (assertion.get("data") or {}).get("actions") or ()
            yield from (action for action in actions if action.get("action") == "c2pa.created")


def _check_timestamp_url(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        # The address is not repeated: it may hold a password.
        raise ProvenanceConfigError(
            "PACKSHOT_C2PA_TIMESTAMP_URL is no plain http(s) address; give one without user and query."
        )


@cache
def _reader_context(anchors: str) -> Any:
    trust = {"trust": {"trust_anchors": anchors}} if anchors else {}
    return _import_c2pa().Context.from_dict({"verify": _OFFLINE_SETTINGS, **trust})


@cache
def packshot_version() -> str:
    """Return Packshot's version as it is installed."""
    try:
        return metadata.version("packshot")
    except metadata.PackageNotFoundError:
        return "0"


def _import_c2pa() -> Any:
    try:
        import c2pa
    except Exception as error:  # its loader raises its own kinds where a native library does not fit
        raise ProvenanceMarkError(
            f"The package c2pa-python is missing or does not load here ({one_line(error)}): install Packshot "
            "anew, or set"
            " PACKSHOT_C2PA=0 to publish without C2PA."
        ) from None
    return c2pa


def _make_specimen() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(target, "JPEG")
    return target.getvalue()


_SPECIMEN = _make_specimen()
