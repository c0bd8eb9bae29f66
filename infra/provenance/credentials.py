"""Content Credentials: read a C2PA manifest from an image file, and remove it.

Inputs: a file's bytes, and trusted root certificates. Outputs: the manifest's content and whether it is valid.
Damage and hostile content are results, never exceptions. Nothing here uses the network: remote manifests and revocation
lists, which a hostile file may name, are never fetched. `infra.provenance.signing` writes manifests.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from infra.errors import ProvenanceMarkError, one_line

JPEG = "image/jpeg"

OFFLINE_SETTINGS = {"remote_manifest_fetch": False, "ocsp_fetch": False}
PHOTO_INSTANCE = "urn:sha256:"
"""What the id of the photo begins with of which an image was made; the sha256 of the photo's file follows."""
_PHOTO_ID = re.compile(rf"{PHOTO_INSTANCE}([0-9a-f]{{64}})")
_UNTRUSTED_CODE = "signingCredential.untrusted"
"""c2pa reports it as a failure, but the signature is valid: only the signer is not trusted."""

CredentialState = Literal["absent", "unreadable", "invalid", "valid", "trusted"]


@dataclass(frozen=True)
class ContentCredential:
    """The content of a file's C2PA manifest. Its texts are untrusted: the file may be hostile.

    `state` is "absent", "unreadable", "invalid", "valid" (signed, by an untrusted signer) or "trusted". `actions` are
    what was done, such as `created`, or `opened` and `edited`, `source_type` the first that an action names, and
    `photo` the sha256 of the photo that was opened, in hex; empty where none is named.
    `signed_at` is the time stamp's where `stamped`, otherwise the time that the signer claims.
    """

    state: CredentialState
    issuer: str = ""
    signed_at: str = ""
    stamped: bool = False
    generator: str = ""
    title: str = ""
    source_type: str = ""
    actions: tuple[str, ...] = ()
    photo: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_present(self) -> bool:
        """Tell whether there is a manifest, valid or not."""
        return self.state != "absent"

    @property
    def is_valid(self) -> bool:
        """Tell whether the signature is valid and the file unchanged, by any signer."""
        return self.state in {"valid", "trusted"}


ABSENT = ContentCredential("absent")


def read_credential(data: bytes, format: str = JPEG, anchors: str = "") -> ContentCredential:  # noqa: A002 - c2pa's parameter name
    """Return the content of a file's manifest. `anchors` are trusted roots, PEM; without any, no signer is trusted.

    Damage is a result, not an exception; raises `ProvenanceMarkError` only where the library is missing.
    """
    c2pa = import_c2pa()
    try:
        with c2pa.Reader(format, io.BytesIO(data), context=_reader_context(anchors)) as reader:
            return _parse_credential(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return ABSENT
    except (c2pa.C2paError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        return ContentCredential("unreadable", problems=(one_line(error),))


def strip_manifest(jpeg: bytes) -> bytes:
    """Return a JPEG without its APP11 segments, where C2PA keeps its manifest; all other bytes are kept."""
    stripped = bytearray(jpeg[:2])
    for marker, start, end in _segments(jpeg):
        if marker != _APP11:
            stripped += jpeg[start:end]
    return bytes(stripped)


_APP11, _START_OF_SCAN = 0xEB, 0xDA


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each header segment, and then the rest as one."""
    offset = 2
    while offset + 4 <= len(jpeg) and jpeg[offset] == 0xFF and jpeg[offset + 1] != _START_OF_SCAN:
        end = offset + 2 + int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
        yield jpeg[offset + 1], offset, end
        offset = end
    yield _START_OF_SCAN, offset, len(jpeg)


def _parse_credential(store: Mapping[str, Any]) -> ContentCredential:
    manifest = store["manifests"][store["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    actions = list(_actions(manifest))
    agent: Mapping[str, Any] = next(iter(manifest.get("claim_generator_info") or ()), {})
    failures = ((store.get("validation_results") or {}).get("activeManifest") or {}).get("failure") or ()
    problems = (
        f"{failure.get('code')}: {failure.get('explanation')}"
        for failure in failures
        if failure["code"] != _UNTRUSTED_CODE
    )
    stamped = signature.get("time")
    state: CredentialState = _STATE_BY_VALIDATION.get(store.get("validation_state"), "invalid")
    return ContentCredential(
        state=state,
        issuer=one_line(signature.get("issuer") or signature.get("common_name") or ""),
        signed_at=one_line(stamped or _first(actions, "when")),
        stamped=bool(stamped),
        generator=one_line(f"{agent.get('name', '')} {agent.get('version', '')}".strip()),
        title=one_line(manifest.get("title") or ""),
        source_type=one_line(_first(actions, "digitalSourceType")),
        actions=tuple(one_line(action.get("action", "")).removeprefix("c2pa.") for action in actions),
        photo=_opened_photo(manifest),
        problems=tuple(one_line(problem) for problem in problems) if state == "invalid" else (),
    )


_STATE_BY_VALIDATION: Mapping[Any, CredentialState] = {"Valid": "valid", "Trusted": "trusted"}


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what was done to the image, in order."""
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label")).startswith("c2pa.actions"):
            yield from (assertion.get("data") or {}).get("actions") or ()


def _first(actions: Iterable[Mapping[str, Any]], name: str) -> str:
    return next((str(action[name]) for action in actions if action.get(name)), "")


def _opened_photo(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of the one photo that the image was made of; empty where none or several are named."""
    ingredients = manifest.get("ingredients") or ()
    parents = [str(each.get("instance_id")) for each in ingredients if each.get("relationship") == "parentOf"]
    found = _PHOTO_ID.fullmatch(parents[0]) if len(parents) == 1 else None
    return found[1] if found else ""


@cache
def _reader_context(anchors: str) -> Any:
    trust = {"trust": {"trust_anchors": anchors}} if anchors else {}
    return import_c2pa().Context.from_dict({"verify": OFFLINE_SETTINGS, **trust})


def import_c2pa() -> Any:
    """Return the module c2pa; raise `ProvenanceMarkError` where it is missing or does not load."""
    try:
        import c2pa
    except Exception as error:  # its loader raises its own exceptions where a native library does not fit
        raise ProvenanceMarkError(
            f"The package c2pa-python is missing or does not load here ({one_line(error)}): install Packshot "
            "again, or set"
            " PACKSHOT_C2PA=0 to publish without C2PA."
        ) from None
    return c2pa
