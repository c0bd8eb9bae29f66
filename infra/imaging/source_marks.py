"""Source marks: what a finished file says of its origin in its XMP, by what made its pixels.

Inputs: a mode (`white`, `backdrop`, `stage` or `scene` where a photo's product was kept, None where a model made the
whole image), or a file's bytes. Outputs: the XMP packet that says so, and the `SourceMark` that a file carries.

| mode         | IPTC DigitalSourceType                 | `packshot:mode` |
| ------------ | -------------------------------------- | --------------- |
| None         | `trainedAlgorithmicMedia`              | none            |
| stage, scene | `compositeWithTrainedAlgorithmicMedia` | stage, scene    |
| backdrop     | `compositeCapture`                     | backdrop        |
| white        | none: no generative model touched it   | white           |

Invariant: every mode has a mark of its own, so that a file without a source type because it needs none is told from one
that lost it. The packet of an image that a model made is the same to the byte as before there were modes.
"""

import io
import re
from dataclasses import dataclass

from PIL import Image

from infra.errors import InvalidImage

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED_ALGORITHMIC_MEDIA = f"{_TERMS}trainedAlgorithmicMedia"
"""IPTC's term for an image made by a trained model. Google Merchant requires it, EU AI Act Art. 50(2) a mark."""
COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA = f"{_TERMS}compositeWithTrainedAlgorithmicMedia"
"""IPTC's term for a photo with parts made by a trained model. Some guides write `compositedWith…`: no such term."""
COMPOSITE_CAPTURE = f"{_TERMS}compositeCapture"
"""IPTC's term for a mix of captured elements: a photo's product in front of a photographed backdrop."""

KEPT_NAMESPACE = "urn:packshot:kept/"
"""The XMP namespace of Packshot's own property `mode`."""

_SOURCE_TYPES: dict[str | None, str | None] = {
    None: TRAINED_ALGORITHMIC_MEDIA,
    "white": None,
    "backdrop": COMPOSITE_CAPTURE,
    "stage": COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
    "scene": COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
}

_SOURCE_TYPE_PATTERN = re.compile(
    rb":DigitalSourceType(?:\s*=\s*[\"']([^\"'<>]{1,400})[\"']|\s*>\s*([^<>]{1,400}?)\s*<)"
)
_MODE_PATTERN = re.compile(rb"\spackshot:mode=\"([a-z]{1,20})\"")


@dataclass(frozen=True)
class SourceMark:
    """What a file says of its origin: the IPTC source type, and the mode in which a photo's product was kept."""

    source_type: str | None = None
    mode: str | None = None

    @property
    def text(self) -> str:
        """Return the mark as one text, of which records keep the last part: a term, or a mode; empty for no mark."""
        return self.source_type or (f"{KEPT_NAMESPACE}{self.mode}" if self.mode else "")

    @property
    def name(self) -> str:
        """Return the last part of the text: `trainedAlgorithmicMedia`, `white`, …; empty for no mark."""
        return self.text.rsplit("/", 1)[-1]


NO_MARK = SourceMark()


def source_type_for(mode: str | None) -> str | None:
    """Return the IPTC source type of an image of this mode; None where none is true. Raises ValueError."""
    if mode not in _SOURCE_TYPES:
        raise ValueError(f"There is no mode {mode!r} of keeping a product; there is white, backdrop, stage and scene.")
    return _SOURCE_TYPES[mode]


def mark_for(mode: str | None) -> SourceMark:
    """Return the mark that a file of this mode must carry. Raises ValueError for an unknown mode."""
    return SourceMark(source_type_for(mode), mode)


def mark_packet(mode: str | None) -> bytes:
    """Return the XMP packet of a finished file of this mode. Raises ValueError for an unknown mode."""
    source_type, properties = source_type_for(mode), ""
    if source_type is not None:
        properties += ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        properties += f' Iptc4xmpExt:DigitalSourceType="{source_type}"'
    if mode is not None:
        properties += f' xmlns:packshot="{KEPT_NAMESPACE}" packshot:mode="{mode}"'
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{properties}/>'
        "</rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    ).encode()


MARK_PACKETS = tuple(mark_packet(mode) for mode in _SOURCE_TYPES)
"""Every packet that a finish writes."""


def read_mark(data: bytes) -> SourceMark:
    """Return the mark in the XMP of a JPEG, PNG or WebP; `NO_MARK` where there is none.

    Reads the source type's attribute and element form, whatever the prefix, and the mode as it is written here, without
    an XML parser, since XMP is untrusted text. Raises `InvalidImage` where `data` is no such image.
    """
    packet = _read_packet(data)
    found, mode = _SOURCE_TYPE_PATTERN.search(packet), _MODE_PATTERN.search(packet)
    source_type = (found[1] or found[2]).decode("utf-8", "replace") if found else None
    is_ours = mode is not None and f'xmlns:packshot="{KEPT_NAMESPACE}"'.encode() in packet
    return SourceMark(source_type, mode[1].decode("ascii") if mode is not None and is_ours else None)


def _read_packet(data: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImage(
            f"These {len(data)} bytes are not a JPEG, PNG or WebP, so no mark can be read: {error}."
        ) from error
    return packet if isinstance(packet, bytes) else str(packet).encode("utf-8", "replace")
