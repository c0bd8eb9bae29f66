"""Sign JPEG files with C2PA Content Credentials.

Inputs: a finished file's bytes, a `SigningIdentity`, and what was kept of a photo. Outputs: the same file with a signed
manifest, which says what made the image, which program signed it, and when. An image that a model made was *created*;
one that keeps a photo's product is that photo, *opened* and *edited*. Of the photo the manifest holds the sha256 of its
file and nothing else: no pixel, no name, no metadata.
Invariant: only the manifest's own segments are added; all other bytes stay as they were, and `strip_manifest` checks
it. Every signing gives other bytes, so published names follow the file. The network is used only where a time-stamp
server is configured.
"""

import io
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from infra.errors import ProvenanceConfigError, ProvenanceMarkError, one_line
from infra.imaging.source_marks import source_type_for
from infra.interfaces import KeptOrigin
from infra.provenance.certificates import SigningIdentity
from infra.provenance.credentials import (
    JPEG,
    OFFLINE_SETTINGS,
    PHOTO_INSTANCE,
    ContentCredential,
    import_c2pa,
    read_credential,
    strip_manifest,
)
from infra.stores.addresses import is_plain_http_url

GENERATOR = "Packshot"

_SIGNING_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {**OFFLINE_SETTINGS, "verify_after_sign": False},
}
"""A thumbnail would cost 50 kB and 70 ms per image; the signed file is verified once it is in the store."""


class C2paSigner:
    """Signs files as one identity. Safe to use from several threads: the native signer is only read."""

    def __init__(self, identity: SigningIdentity, timestamp_url: str | None = None) -> None:
        """Load the library and sign a specimen, so that a failure shows before any image is generated.

        Raises `ProvenanceConfigError` for a certificate that C2PA refuses or an invalid time-stamp URL, and
        `ProvenanceMarkError` where the library is missing.
        """
        _check_timestamp_url(timestamp_url)
        self.identity = identity
        self.adds_timestamps = timestamp_url is not None
        self._context = import_c2pa().Context.from_dict(_SIGNING_SETTINGS)
        trial_signer = self._open_native_signer(None)
        try:
            credential = read_credential(self._signed(trial_signer, _SPECIMEN, "specimen"))
        except ProvenanceMarkError as error:
            credential = ContentCredential("invalid", problems=(str(error),))
        finally:
            trial_signer.close()
        if not credential.is_valid:
            raise ProvenanceConfigError(
                f"C2PA refuses to sign as {identity.name!r}: {'; '.join(credential.problems)}. Its certificate"
                " needs the key usage digitalSignature and an extended key usage such as emailProtection."
            )
        self._signer = self._open_native_signer(timestamp_url)

    def _open_native_signer(self, timestamp_url: str | None) -> Any:
        c2pa, identity = import_c2pa(), self.identity
        try:
            return c2pa.Signer.from_info(
                c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, timestamp_url)
            )
        except c2pa.C2paError:  # its message might repeat the key
            raise ProvenanceConfigError(
                f"C2PA cannot sign as {identity.name!r}; check certificate chain and key."
            ) from None

    def sign(self, jpeg: bytes, title: str, kept: KeptOrigin | None = None) -> bytes:
        """Return the JPEG with a signed manifest; `title` is public. Raises `ProvenanceMarkError`."""
        signed = self._signed(self._signer, jpeg, title, kept)
        if strip_manifest(signed) != jpeg:
            raise ProvenanceMarkError(f"Signing {title!r} changed more than the manifest; nothing was published.")
        return signed

    def _signed(self, signer: Any, jpeg: bytes, title: str, kept: KeptOrigin | None = None) -> bytes:
        c2pa, target = import_c2pa(), io.BytesIO()
        try:
            with c2pa.Builder(_new_manifest(title, kept), self._context) as builder:
                builder.sign(signer, JPEG, io.BytesIO(jpeg), target)
        except c2pa.C2paError as error:
            raise ProvenanceMarkError(f"{title!r} could not be signed: {one_line(error)}") from None
        return target.getvalue()


_PHOTO_LABEL = "photo"
_EDITS = {
    "white": "The product was cut out of the photo and placed on white.",
    "backdrop": "The product was cut out of the photo and placed in front of a photographed backdrop.",
    "stage": "The product was cut out of the photo and placed in a generated scene.",
    "scene": "The product was cut out of the photo, and a scene was generated around it.",
}


def _new_manifest(title: str, kept: KeptOrigin | None) -> dict[str, Any]:
    manifest = {
        "claim_generator_info": [{"name": GENERATOR, "version": packshot_version()}],
        "title": title,
        "format": JPEG,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": _actions(kept)}}],
    }
    if kept is not None:
        # Given without the file, so that neither its pixels nor its metadata can be embedded.
        photo = {"title": _PHOTO_LABEL, "label": _PHOTO_LABEL, "instance_id": f"{PHOTO_INSTANCE}{kept.photo}"}
        manifest["ingredients"] = [{**photo, "relationship": "parentOf"}]
    return manifest


def _actions(kept: KeptOrigin | None) -> list[dict[str, Any]]:
    source_type = source_type_for(kept.mode if kept is not None else None)
    said = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "softwareAgent": {"name": GENERATOR, "version": packshot_version()},
    }
    typed = said if source_type is None else {**said, "digitalSourceType": source_type}
    if kept is None:
        return [{"action": "c2pa.created", **typed}]
    opened = {"action": "c2pa.opened", **said, "parameters": {"ingredientIds": [_PHOTO_LABEL]}}
    return [opened, {"action": "c2pa.edited", **typed, "description": _EDITS[kept.mode]}]


def _check_timestamp_url(url: str | None) -> None:
    if url is None:
        return
    if not is_plain_http_url(url) or urlsplit(url).query:
        # The address is not repeated: it may hold a password.
        raise ProvenanceConfigError(
            "PACKSHOT_C2PA_TIMESTAMP_URL is no plain http(s) address; give one without user and query."
        )


@cache
def packshot_version() -> str:
    """Return the installed version of Packshot."""
    try:
        return metadata.version("packshot")
    except metadata.PackageNotFoundError:
        return "0"


def _make_specimen() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(target, "JPEG")
    return target.getvalue()


_SPECIMEN = _make_specimen()
