"""The parsers that are fuzzed: what each does with bytes, from which seeds, and how these are mutated.

Inputs: bytes. Outputs: nothing; a parser either takes them or raises one of our own errors.

A finding is every other exception, a signal, memory above the limit or time above the limit. Errors of ours
(`InputError`, `ExternalError`) are how a parser says no, so they are none.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.errors import InputError
from catalogs.ingest.named_columns import named_columns
from catalogs.ingest.row_validation import RowValidator
from catalogs.models.engine_artifacts import parse_engine_facts
from catalogs.policy.audit_suite import load_audit_suite
from catalogs.policy.schema import load_policy
from catalogs.recipe.loading import built_in_recipe, load_recipe
from catalogs.recipe.templates import PromptRenderError, compile_template
from infra.coordination.leases import read_lease
from infra.errors import ExternalError
from infra.imaging.codecs import decode, read_software
from infra.imaging.jpeg_segments import find_foreign_part
from infra.imaging.shop_photos import read_shop_photo
from infra.integrity.keyring import IntegrityKeys, parse_keys
from infra.integrity.png_tags import believed_pixel_sha
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.photos.photo_references import AllowedPlaces, parse_photo_reference
from infra.photos.reading import PhotoLimits, read_photo
from infra.provenance.credentials import read_credential, strip_manifest
from infra.provenance.image_input import require_max_pixels
from infra.screening.score_files import read_scores
from infra.sources import Source, open_source
from infra.stores.addresses import has_credentials, is_plain_http_url, parse_address
from infra.stores.memory import MemoryStore
from infra.tables.delta_log import read_history
from tasks.maintenance.upgrade import read_layout
from tasks.models.engine_repository import list_stored_engines
from tasks.models.registry_store import load_registry
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.run_state import load_run
from tests.fuzzing import mutations, seeds

OUR_ERRORS: tuple[type[Exception], ...] = (InputError, ExternalError, PromptRenderError)
MAX_IMAGE_PIXELS = 1 << 20


@dataclass(frozen=True)
class Target:
    """One parser. `mutate` returns other bytes of the same kind; `max_bytes` is the longest input that is tried."""

    name: str
    parse: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    mutate: mutations.Mutation
    max_bytes: int = 1 << 14

    def run(self, data: bytes) -> bool:
        """Parse; return whether the bytes were taken. Everything but our own errors is raised."""
        try:
            self.parse(data)
        except OUR_ERRORS:
            return False
        return True


PATHS = ("tags[0]", "tags.b", "size.w", "names[tag=en].value", "names.value", "param[name=Color]", "price.currency")
"""Paths into the values of the seeds."""


def catalogue(suffix: str, data: bytes) -> None:
    """Open a source of this format, read it to its end and validate every row."""
    path = f"/fuzzing/catalogue.{suffix}"
    fsspec.filesystem("memory").pipe_file(path, data)
    _read_to_its_end(open_source(f"memory:/{path}"))


def packed(data: bytes) -> None:
    """Open a compressed source of any kind by its first bytes."""
    catalogue("csv" if data[:2] != b"PK" else "zip", data)


def delta_source(data: bytes) -> None:
    """Open a Delta table whose newest log entry holds these bytes, and read it to its end."""
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.table({"sku": ["1", "2"], "title": ["a", "b"]}), f"{folder}/a.parquet")
        log = Path(folder) / "_delta_log"
        log.mkdir()
        (log / f"{0:020d}.json").write_bytes(data)
        _read_to_its_end(open_source(folder))


def _read_to_its_end(source: Source) -> None:
    validator = RowValidator(_recipe(), source.columns_and_paths(named_columns(_recipe())))
    rows = 0
    for batch in source.batches(validator.needed_columns):
        validator.validate_batch(batch.numbers, batch.rows)
        rows += batch.rows.num_rows
    assert validator.counts.input == rows, "a row was counted twice, or not at all"
    source.row_count()
    for name in PATHS:
        if source.has(name):
            for batch in source.batches([name]):
                batch.rows.validate(full=True)


def photo(data: bytes) -> None:
    """Read a photo as a shop holds it."""
    require_max_pixels(data, MAX_IMAGE_PIXELS)
    read_shop_photo(data).over_white()


def product_photo(data: bytes) -> None:
    """Read a photo that a product is cut out of."""
    read_photo(data, PhotoLimits(max_pixels=MAX_IMAGE_PIXELS, min_side=1))


def photo_reference(data: bytes) -> None:
    """Say which allowed place a text names; what is taken names the same place again."""
    allowed = AllowedPlaces(
        "memory://x", ("/data/shop", "s3://shop-photos/2026"), frozenset({"cdn.shop.example"}), ("photos/",)
    )
    found = parse_photo_reference(data.decode("utf-8", "surrogateescape"), allowed)
    if found.kind == "https":
        assert found.name.startswith("https://cdn.shop.example/")
        assert parse_photo_reference(found.name, allowed) == found
    else:
        assert not {"", ".", ".."} & set(found.name.split("/"))


def staged_image(data: bytes) -> None:
    """Decode an image as screening does."""
    require_max_pixels(data, MAX_IMAGE_PIXELS)
    read_software(data)
    decode(data)


def provenance(data: bytes) -> None:
    """Read what a JPEG declares of its origin, and take it out."""
    read_credential(data)
    strip_manifest(data)


def recipe(data: bytes) -> None:
    """Load a recipe and compute its digest's content."""
    load_recipe(data.decode("utf-8", "replace"), "recipe.yaml").model_dump_json()


def policy(data: bytes) -> None:
    """Load a policy and compute its digest."""
    assert load_policy(data.decode("utf-8", "replace"), "policy.yaml").digest


def audit_suite(data: bytes) -> None:
    """Load an audit suite."""
    load_audit_suite(data.decode("utf-8", "replace"), "audit.yaml")


def template(data: bytes) -> None:
    """Compile a prompt template and render it with a hostile row."""
    text, _, title = data.decode("utf-8", "replace").partition("\x00")
    compile_template(text, {"title", "brand"}, "template").render({"title": title, "brand": "ACME"})


def address(data: bytes) -> None:
    """Parse a store's address."""
    url = data.decode("utf-8", "replace")
    has_credentials(url)
    is_plain_http_url(url)
    parsed = parse_address(url)
    assert parse_address(parsed.url) == parsed, "it does not read back"


def registry(data: bytes) -> None:
    """Load a model registry whose newest change holds these bytes."""
    load_registry(_store("models/fuzzed/registry/00000001.json", data), "fuzzed")


def engine_card(data: bytes) -> None:
    """List the stored engines where a card holds these bytes."""
    list_stored_engines(_store("engines/fuzzed/1/card.json", data))


def engine_document(data: bytes) -> None:
    """Parse what an engine's folder says of itself."""
    parse_engine_facts(_json_object(data))


def lease(data: bytes) -> None:
    """Read a lease that holds these bytes."""
    state = read_lease(_store("leases/home/00000001.json", data), "leases/home")
    assert state
    state.is_live(datetime.now(UTC))
    str(state)


def store_version(data: bytes) -> None:
    """Read store.json."""
    read_layout(_store(layout.STORE_VERSION, data))


def run_document(data: bytes) -> None:
    """Read what a run says of itself."""
    load_run(_store(layout.RunFiles("r").run, data), "r")


def policy_record(data: bytes) -> None:
    """Read the policy in force."""
    PolicyRecords(_store(layout.policy_record("home", 1), data), "home").in_force()


def delta_log(data: bytes) -> None:
    """Read a table's history where the newest entry holds these bytes."""
    for commit in read_history(_store("manifest/home/_delta_log/00000000000000000000.json", data), "manifest/home"):
        assert commit.timestamp <= datetime.max.replace(tzinfo=UTC)


def tagged_image(data: bytes) -> None:
    """Read the tag of a staged image by a key that made none of them."""
    trust = StoredWorkTrust(IntegrityKeys((b"k" * 32,)))
    assert believed_pixel_sha(data, "staging/a.png", trust) is None, "a tag was accepted that nobody made"


def score_file(data: bytes) -> None:
    """Read stored scores as a run without keys does, and as one whose key made none of them."""
    store = _store("scores/a.json", data)
    read_scores(store, "scores/a.json", UNCHECKED)
    trust = StoredWorkTrust(IntegrityKeys((b"k" * 32,)))
    assert read_scores(store, "scores/a.json", trust).screened is None, "scores were believed that nobody signed"


def finished_file(data: bytes) -> None:
    """Look for parts of a finished file that no finish writes."""
    find_foreign_part(data)


def integrity(data: bytes) -> None:
    """Parse integrity keys, and compare a tag."""
    text = data.decode("utf-8", "replace")
    assert not IntegrityKeys((b"k" * 32,)).accepts(text, "fuzzing"), "a tag was accepted that nobody made"
    parse_keys(text)


@cache
def _recipe() -> Any:
    return built_in_recipe()


def _store(key: str, data: bytes) -> MemoryStore:
    store = MemoryStore("fuzzing")
    store.delete([info.key for info in store.list("")])
    store.write(key, data)
    return store


def _json_object(data: bytes) -> dict[str, Any]:
    """Return a JSON object as `json` reads it: what these parsers take is a document that was read already."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def broken(data: bytes) -> None:
    """Break where a document holds a mug: what shows that findings are found."""
    document = _json_object(data)
    if document.get("mug"):
        raise KeyError("mug")


BROKEN = Target("broken", broken, lambda: [b'{"mug": 0, "cup": 1}'], mutations.json_document)

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("catalogue-csv", lambda data: catalogue("csv", data), seeds.csv, mutations.text),
        Target("catalogue-packed", packed, seeds.packed_tables, mutations.plain),
        Target("catalogue-jsonl", lambda data: catalogue("jsonl", data), seeds.json_lines, mutations.json_lines),
        Target("catalogue-json", lambda data: catalogue("json", data), seeds.json_catalogues, mutations.json_document),
        Target("catalogue-xml", lambda data: catalogue("xml", data), seeds.xml_catalogues, mutations.text),
        Target("catalogue-delta", delta_source, seeds.delta_tables, mutations.json_lines),
        Target("catalogue-parquet", lambda data: catalogue("parquet", data), seeds.parquet, mutations.plain),
        Target("photo", photo, seeds.photos, mutations.image),
        Target("product-photo", product_photo, seeds.product_photos, mutations.image),
        Target("photo-reference", photo_reference, seeds.photo_references, mutations.text, 4096),
        Target("staged-image", staged_image, seeds.images, mutations.image),
        Target("provenance", provenance, seeds.signed_images, mutations.image, 1 << 16),
        Target("recipe", recipe, seeds.recipes, mutations.text),
        Target("policy", policy, seeds.policies, mutations.text),
        Target("audit-suite", audit_suite, seeds.audit_suites, mutations.text),
        Target("template", template, seeds.templates, mutations.text, 4096),
        Target("address", address, seeds.addresses, mutations.text, 512),
        Target("registry", registry, seeds.registries, mutations.json_document),
        Target("engine-card", engine_card, seeds.engine_cards, mutations.json_document),
        Target("engine-document", engine_document, seeds.engine_documents, mutations.json_document),
        Target("lease", lease, seeds.leases, mutations.json_document),
        Target("store-version", store_version, seeds.store_versions, mutations.json_document),
        Target("run-document", run_document, seeds.runs, mutations.json_document),
        Target("policy-record", policy_record, seeds.policy_records, mutations.json_document),
        Target("delta-log", delta_log, seeds.delta_logs, mutations.json_lines),
        Target("tagged-image", tagged_image, seeds.tagged_images, mutations.image),
        Target("score-file", score_file, seeds.score_files, mutations.json_document),
        Target("finished-file", finished_file, seeds.finished_files, mutations.image),
        Target("integrity", integrity, seeds.integrity_texts, mutations.text, 512),
    )
}
