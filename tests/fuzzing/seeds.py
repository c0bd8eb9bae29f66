"""Seeds: valid inputs of each parser, small, so that mutations stay near what is read.

Inputs: nothing. Outputs: a list of bytes for each target, always the same.
"""

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageCms

from catalogs.policy.schema import load_policy
from catalogs.rule_files import read_packaged_rules
from infra.imaging.codecs import encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.png_tags import tag_png
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import FinishParameters, Screened
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
from infra.screening.score_files import to_json
from tests.paths import ROOT

_FIELDS = ("sku", "title", "category", "brand", "price", "description")
_ROWS = tuple(
    dict(zip(_FIELDS, values, strict=True))
    for values in (
        ("A-1", "Red mug", "mugs", "ACME", "9.90", "<b>A</b> mug"),
        ("A-2", "Grüne Tasse, groß", "mugs", "", "1e3", 'says "hi"'),
        ("007", "красная кружка", "shoes", "Ω", "-1", "two\nlines"),
    )
)
_AT = "2026-11-29T08:00:00+00:00"
_SHA = "ab" * 32
_SHORT_POLICY = """\
version: 1
required: [words, pixels]
optional: []
words: {}
brands: {verdict: REVIEW}
other_languages: REVIEW
image: [{score: fill.side, reason: small-in-frame, review_below: 0.4, source: a test}]
"""


def csv() -> Sequence[bytes]:
    """Return CSV files: commas, semicolons and tabs, quotes, line ends, a byte order mark."""
    names = list(_ROWS[0])
    quoted = [",".join('"' + row[name].replace('"', '""') + '"' for name in names) for row in _ROWS]
    plain = "\n".join([",".join(names), *quoted]) + "\n"
    return [
        plain.encode(),
        b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode(),
        b"sku;title\n1;eins\n2;zwei\n",
        b"sku\ttitle\tseed\twidth\n1\tone\t7\t512\n",
        b"sku,title,view,quality,images\n1,one,front,final,2\n",
        plain.encode("utf-16"),
        plain.replace(",", ";").encode("cp1251", "replace"),
        b"Our products,,\n\nsku, title,,\n1,one,,\n,,,\n2,two, three,x\n3\n",
        b'sep=|\r\nsku|title\r\n1|"7\\" shelf"\r\n2|"Classic" pot\r\n',
    ]


def packed_tables() -> Sequence[bytes]:
    """Return a table in zip, gzip and zstd: what a file is named does not say what it is."""
    table = csv()[0]
    packed, archive = io.BytesIO(), io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream:
        stream.write(table)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(zipfile.ZipInfo("a.csv"), table)
        files.writestr(zipfile.ZipInfo("b.tsv"), csv()[3])
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(table)
    return [archive.getvalue(), packed.getvalue(), sink.getvalue().to_pybytes()]


def json_lines() -> Sequence[bytes]:
    """Return JSON lines: text, numbers, nulls, nested values."""
    nested = {
        "sku": 3,
        "title": "x",
        "tags": ["a", {"b": None}],
        "size": {"w": 1.5, "h": 2},
        "when": "2026-01-01T00:00:00Z",
    }
    return [
        "\n".join(json.dumps(row, ensure_ascii=False) for row in _ROWS).encode(),
        (json.dumps(nested) + "\n" + json.dumps({"sku": 4, "title": "y", "tags": [], "size": None})).encode(),
        b'{"sku": 12345678901234567890, "title": "long number"}\n{"sku": 1.0, "title": "float"}\n',
    ]


def json_catalogues() -> Sequence[bytes]:
    """Return JSON documents: a list, a list in an object, objects in a row, fields of several kinds, nested names."""
    names = [{"tag": "en", "value": "Mug"}, {"tag": "es", "value": "Taza"}]
    nested = {"sku": "1", "title": "x", "tags": ["a", {"b": None}], "size": {"w": 1.5}, "names": names}
    return [
        json.dumps(_ROWS, ensure_ascii=False).encode(),
        json.dumps({"total": 3, "data": {"products": [*_ROWS, nested]}, "next": None}).encode(),
        b"\n".join(json.dumps(row, indent=1).encode() for row in _ROWS),
        json.dumps([nested, {"sku": 2, "title": "y", "tags": "b", "size": [{"w": 1}], "names": {}}]).encode(),
    ]


def xml_catalogues() -> Sequence[bytes]:
    """Return feeds: RSS with Google's names, Atom, plain XML with attributes, another encoding, a document type."""
    rss = '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
    item = "<item><g:id>1</g:id><title>Mug &amp; cup</title><g:tags>a</g:tags><g:tags>b</g:tags></item>"
    google = 'xmlns:g="http://base.google.com/ns/1.0"'
    entry = "<entry><id>t</id><g:id>1</g:id><content type='xhtml'>a <b>c</b>&nbsp;d</content></entry>"
    offer = '<offer id="9"><param name="Color">red</param><price currency="EUR">9</price><x><![CDATA[<i>]]></x></offer>'
    return [
        f"{rss}<title>s</title>{item}{item}</channel></rss>".encode(),
        f'<feed xmlns="http://www.w3.org/2005/Atom" {google}>{entry}</feed>'.encode(),
        f"<shop><categories><c id='1'>a</c></categories><offers>{offer}{offer}</offers></shop>".encode(),
        '<?xml version="1.0" encoding="shift_jis"?><r><row sku="1" title="赤"/><row sku="2"/></r>'.encode("shift_jis"),
        b'<!DOCTYPE r SYSTEM "x.dtd" [<!ELEMENT r ANY>]><r><p><sku>1</sku><title>&eacute;</title></p></r>',
    ]


def delta_tables() -> Sequence[bytes]:
    """Return log entries of a table that has one file with two rows, `a.parquet`."""
    fields = [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in ("sku", "title", "group")]
    schema = json.dumps({"type": "struct", "fields": fields})
    described = {"provider": "parquet", "options": {}}
    metadata = {"id": "0" * 32, "format": described, "schemaString": schema, "configuration": {}, "createdTime": 0}
    add = {"path": "a.parquet", "size": 900, "modificationTime": 0, "dataChange": True, "stats": '{"numRecords": 2}'}
    plain = {"minReaderVersion": 1, "minWriterVersion": 2}
    features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}
    entries = [
        [
            {"protocol": protocol},
            {"metaData": metadata | {"partitionColumns": partitions}},
            {"add": add | {"partitionValues": dict.fromkeys(partitions, "x y")}},
        ]
        for protocol, partitions in ((plain, []), (plain, ["group"]), (features | {"writerFeatures": []}, []))
    ]
    return [b"\n".join(json.dumps(action).encode() for action in entry) for entry in entries]


def parquet() -> Sequence[bytes]:
    """Return Parquet files: dictionary-encoded and plain, several types, several row groups, two codecs."""
    table = pa.Table.from_pylist([dict(row) for row in _ROWS])
    typed = pa.table(
        {
            "sku": pa.array([1, 2, 3], pa.int64()),
            "title": pa.array(["a", None, "c"]).dictionary_encode(),
            "price": pa.array([1.5, 2.5, None]),
            "tags": pa.array([["x"], [], None], pa.list_(pa.string())),
            "when": pa.array([0, 1, 2], pa.timestamp("ms", "UTC")),
            "blob": pa.array([b"\xff", b"", None]),
        }
    )
    return [
        _parquet(table, compression="none"),
        _parquet(typed, compression="snappy", row_group_size=1),
        _parquet(typed, compression="zstd", use_dictionary=False),
    ]


def images() -> Sequence[bytes]:
    """Return images as they are staged and published."""
    pixels = _pixels()
    return [
        encode_png(pixels, "packshot"),
        _pillow(pixels, "JPEG", quality=90),
        _pillow(pixels, "JPEG", progressive=True),
    ]


def photos() -> Sequence[bytes]:
    """Return photos as shops hold them: profiles, transparency, palettes, grey, CMYK, orientation."""
    pixels = _pixels()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time of its making
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        *images(),
        _pillow(pixels, "JPEG", icc_profile=profile, exif=exif),
        _pillow(pixels, "PNG", mode="RGBA", icc_profile=profile),
        _pillow(pixels, "PNG", mode="P"),
        _pillow(pixels, "PNG", mode="LA"),
        _pillow(pixels, "PNG", mode="I;16"),
        _pillow(pixels, "JPEG", mode="CMYK"),
        _pillow(pixels, "JPEG", mode="L"),
    ]


def product_photos() -> Sequence[bytes]:
    """Return photos of every kind that a product is cut out of."""
    pixels = _pixels()
    return [
        *photos(),
        _pillow(pixels, "WEBP", lossless=True, mode="RGBA"),
        _pillow(pixels, "WEBP"),
        _pillow(pixels, "GIF", mode="P"),
        *(_pillow(pixels, "TIFF", compression=name) for name in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg")),
        _pillow(pixels, "TIFF", mode="I;16"),
    ]


def photo_references() -> Sequence[bytes]:
    """Return references to photos in every place that is allowed, and in some that are not."""
    texts = (
        "photos/mug front.jpg",
        "/data/shop/photos/mug.jpg",
        "file:///data/shop/a%20b.jpg",
        "s3://shop-photos/2026/mug.jpg",
        "store:photos/mug.jpg",
        "https://cdn.shop.example:443/a/mug.jpg?v=3",
        "https://ada:sesame@cdn.shop.example/a.jpg#x",
    )
    return [each.encode() for each in texts]


@cache
def signed_images() -> Sequence[bytes]:
    """Return a JPEG with Content Credentials, and two without."""
    with tempfile.TemporaryDirectory() as folder:
        signer = C2paSigner(development_identity(folder))
    return [signer.sign(_pillow(_pixels(), "JPEG"), "fuzzing"), *images()[1:]]


def recipes() -> Sequence[bytes]:
    """Return packaged recipes, and one that uses more of the language."""
    folder = ROOT / "catalogs" / "data" / "recipes"
    rich = b"""\
version: 1
catalogue: fuzzed
columns: {sku: sku, title: title, brand: brand, category: category}
languages: [en]
engine: stub
models: {stub: {family: stub, precision: fp32}}
tiers: {standard: {width: 512, height: 512, steps: 8, guidance: 0.0, attempts: 3}}
views: {front: front view, side: seen from the side}
defaults:
  views: [front]
  template: "{{ title | lower | replace('a', 'b') }}{% if brand %} by {{ brand }}{% endif %}, {{ phrase }}"
categories: {mugs: {template: "a mug: {{ title }}", views: [front, side]}}
"""
    extending = (
        b"extends: default@1\ncolumns: {sku: SKU, color: null, seed: null}\noptional: [title]\nhtml: null\n",
        b"extends: shopify@1\nmodels: {turbo: {source: x}, nano: {}}\ninherit: {fields: [title]}\nviews: {left: l}\n",
    )
    return [
        *((folder / f"{name}.yaml").read_bytes() for name in ("default@1", "sample@1", "shopify@1")),
        rich,
        *extending,
    ]


def policies() -> Sequence[bytes]:
    """Return the packaged policies, and one that extends another."""
    extending = b"extends: default\nrequired: [pixels]\nwords: {categories: {own: {verdict: BLOCK, terms: [knife]}}}\n"
    return [read_packaged_rules(name).encode() for name in ("policy", "policy-rehearsal")] + [
        extending,
        _SHORT_POLICY.encode(),
    ]


def audit_suites() -> Sequence[bytes]:
    """Return the packaged audit suite."""
    return [read_packaged_rules("audit").encode()]


def templates() -> Sequence[bytes]:
    """Return templates, each with the title that is rendered into it."""
    return [
        b"{{ title }} by {{ brand }}\x00Red mug",
        b"{% if title %}{{ title | lower | replace('a', 'b') }}{% else %}x{% endif %}\x00A{{ brand }}",
        b"{{ title | truncate(20) | trim }}, {{ brand | default('none') | title }}\x00\xc3\xa9",
        b"{% set x = title %}{{ x ~ brand }}\x00{% raw %}",
    ]


def addresses() -> Sequence[bytes]:
    """Return addresses of stores, allowed and refused ones."""
    return [
        b"s3://bucket/prefix/x",
        b"file:///var/store",
        b"memory://name",
        b"./store",
        b"C:\\store",
        b"s3://user:pw@bucket/x",
        b"https://example.com/a?sig=b#c",
        b"s3://bucket/a/../b",
        b"zip://a.csv::http://u:p@h/c.zip",
    ]


def registries() -> Sequence[bytes]:
    """Return a registry's document, with a registration and a promotion."""
    weights = {"source": "org/model@" + "a" * 40, "weights_digest": _SHA}
    changes = [
        {"kind": "register", "version": 1, "by": "me", "at": _AT, "why": "first", "weights": weights},
        {"kind": "canary", "version": 1, "by": "me", "at": _AT, "share": 10},
        {"kind": "promote", "version": 1, "by": "me", "at": _AT, "known": {"pass_rate": 0.9}},
    ]
    return [_json({"name": "fuzzed", "changes": changes}), _json({"name": "fuzzed", "changes": changes[:1]})]


def engine_documents() -> Sequence[bytes]:
    """Return what the folders of a TensorRT engine and of an export say of themselves."""
    graph = {"onnx_sha256": _SHA, "profiles": [{"batch": [1, 4, 4]}], "file": "transformer.plan"}
    tensorrt = {
        "runtime": "tensorrt",
        "weights_digest": _SHA,
        "precision": "bf16",
        "sizes": [[512, 512]],
        "tensorrt": "11.4",
        "gpu": "H200",
        "compute_capability": [9, 0],
        "driver": "580",
        "compatibility": "none",
        "batch": [1, 4],
        "transformer": graph,
        "vae_decoder": graph,
    }
    onnx = {
        "kind": "onnx",
        "weights_digest": _SHA,
        "precision": "fp32",
        "graphs": ["transformer"],
        "files": [{"path": "transformer/model.onnx", "sha256": _SHA, "bytes": 1}],
    }
    return [_json(tensorrt), _json(onnx)]


def engine_cards() -> Sequence[bytes]:
    """Return cards of stored engines."""
    facts = {
        "runtime": "onnxruntime",
        "weights_digest": _SHA,
        "precision": "fp32",
        "onnx_digests": {"transformer": _SHA},
    }
    file = {"path": "transformer/model.onnx", "sha256": _SHA, "bytes": 1}
    card = {
        "model": "fuzzed",
        "version": 1,
        "state": "ready",
        "by": "me",
        "added_at": _AT,
        "facts": facts,
        "files": [file],
        "parity": None,
        "document": json.loads(engine_documents()[1]),
    }
    return [_json(card)]


def leases() -> Sequence[bytes]:
    """Return a lease."""
    return [
        _json(
            {
                "generation": 1,
                "holder": "run",
                "host": "h",
                "pid": 1,
                "process": "p",
                "expires_at": _AT,
                "released": False,
                "token": "t",
            }
        )
    ]


def store_versions() -> Sequence[bytes]:
    """Return store.json of this and of other versions."""
    return [_json({"layout": 2, "packshot": "0.1.0"}), _json({"layout": 99, "packshot": "9"})]


def runs() -> Sequence[bytes]:
    """Return what a run says of itself."""
    return [
        _json(
            {
                "run_id": "r",
                "catalogue": "home",
                "scope": "full",
                "fingerprint": "f",
                "started_at": _AT,
                "source": "c.csv",
            }
        )
    ]


def policy_records() -> Sequence[bytes]:
    """Return a policy that came into force."""
    policy = load_policy(_SHORT_POLICY, "policy.yaml").model_dump(mode="json")
    return [
        _json(
            {"number": 1, "file": "policy.yaml", "who": "me", "when": _AT, "why": "w", "run_id": "r", "policy": policy}
        )
    ]


def delta_logs() -> Sequence[bytes]:
    """Return log entries of a table: a commit of rows, and a compaction."""
    info = {
        "commitInfo": {
            "timestamp": 1764403200000,
            "operation": "MERGE",
            "packshot.run_id": "r",
            "packshot.at": _AT,
            "operationMetrics": {"num_target_rows_inserted": 3},
        }
    }
    add = {
        "add": {"path": "part-0.parquet", "size": 10, "dataChange": True, "modificationTime": 1, "partitionValues": {}}
    }
    return [
        _json(info) + b"\n" + _json(add),
        _json({"remove": {"path": "x", "dataChange": False}}) + b"\n" + _json(info),
    ]


def tagged_images() -> Sequence[bytes]:
    """Return a staged image with a tag, by another key than the target's."""
    trust = StoredWorkTrust(IntegrityKeys((b"o" * 32,)))
    return [tag_png(encode_png(_pixels(), "stub"), "staging/a.png", pixel_sha(_pixels()), trust)]


def score_files() -> Sequence[bytes]:
    """Return a score file with a tag, by another key than the target's."""
    scores = Screened("a", "f0" * 32, "5a" * 32, 1234, 64, 96, {"blur": 0.1}, b"\1" * 32, 0.5, b"\2" * 8, (0.25,))
    document = json.loads(to_json(scores))
    tag = IntegrityKeys((b"o" * 32,)).tag("scores", "scores/a.json", to_json(scores))
    return [to_json(scores), json.dumps(document | {"tag": tag}).encode()]


def finished_files() -> Sequence[bytes]:
    """Return a finished file of ours, and one of another program."""
    return [finish(_pixels(), FinishParameters()), _pillow(_pixels(), "JPEG", comment="mine")]


def integrity_texts() -> Sequence[bytes]:
    """Return keys and a tag."""
    return [b"# newest first\n" + b"k" * 64 + b"\n" + b"o" * 64, b"01234567." + b"ab" * 32]


def _pixels() -> Any:
    return np.random.default_rng(7).integers(0, 256, (16, 24, 3), np.uint8)


def _pillow(pixels: Any, kind: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    picture = (
        Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(pixels).convert(mode)
    )
    picture.save(target, kind, **options)
    return target.getvalue()


def _parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
