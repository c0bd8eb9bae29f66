"""What a store can do, by doing it: write, read back, read a part, refuse a second write, list, delete, commit a table.

Comes in: a store's URL. Goes out: findings. All that is written lies under `probe/` and is deleted again. The table is
asked in a process of its own (`python -m infra.diagnosis.storage URL`): its client holds the interpreter's lock while
it waits, so a store that does not answer would stop every other question with it.
"""

import json
import subprocess
import sys
from time import perf_counter
from uuid import uuid4

from infra.diagnosis import Finding
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.addresses import parse_address
from infra.stores.s3_client import S3Access

ALONE = (
    "Use a store that honours If-None-Match, or set PACKSHOT_SINGLE_WRITER=1 if nothing but one run at a time ever"
    " writes there."
)
REACH = "Check the URL, AWS_ENDPOINT_URL, AWS_REGION, the credentials and their rights to get, put, list and delete."


def look_at_store(store: ObjectStore, *, single_writer: bool) -> list[Finding]:
    """Try each thing that a run does with objects. Raises `StoreError` where the store cannot be reached."""
    key = f"probe/{uuid4().hex}"
    began = perf_counter()
    try:
        store.write(key, b"first light")
        read = store.read(key) == b"first light"
        took = (perf_counter() - began) * 1000
        said = f"{store.url}: written and read back in {took:,.0f} ms"
        findings = [_is("store", read, said, f"{store.url}: read back otherwise")]
        with store.open_input(key) as source:
            source.seek(6)
            findings.append(_is("store: parts", source.read(5) == b"light", "ranges are honoured", "ranges are wrong"))
        findings.append(_conditional(store, key, single_writer=single_writer))
        listed = key in {info.key for info in store.list("probe/")}
        store.delete([key])
        gone = not store.exists(key)
        found = "listed at once" if listed else "not listed after it was written"
        left = "deleted" if gone else "still there after its deletion"
        findings.append(_is("store: list, delete", listed and gone, f"{found}, {left}", f"{found}, {left}"))
    finally:
        store.delete([key])
    return findings


def _conditional(store: ObjectStore, key: str, *, single_writer: bool) -> Finding:
    refused = not store.write_once(key, b"second") and store.read(key) == b"first light"
    if refused:
        said = "a second write is refused"
        if single_writer:
            advice = "PACKSHOT_SINGLE_WRITER=1 is not needed here: unset it, so that two runs are kept apart."
            return Finding("store: conditional writes", "warning", said, advice)
        return Finding("store: conditional writes", "ok", said)
    said = "a second write replaced the first"
    return Finding("store: conditional writes", "warning" if single_writer else "failed", said, ALONE)


def _is(name: str, holds: bool, good: str, bad: str) -> Finding:
    return Finding(name, "ok", good) if holds else Finding(name, "failed", bad, REACH)


def look_at_tables(url: str, seconds: float) -> list[Finding]:
    """Try, in a process of its own, whether of two commits from the same version the second is refused."""
    command = [sys.executable, "-m", "infra.diagnosis.storage", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    try:
        return [Finding(**json.loads(done.stdout))]
    except (ValueError, TypeError):
        return [Finding("tables", "failed", f"the probe ended with {done.returncode}", REACH)]


def race_for_a_version(url: str) -> Finding:
    """Commit twice from one version of a new table and tell whether the second was refused; delete the table."""
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable, write_deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError

    address, table = parse_address(url), f"probe/{uuid4().hex}"
    options = S3Access.from_environment().for_deltalake() if address.scheme == "s3" else {}
    place, row = address.inside(table), pa.table({"number": [1]})
    once = CommitProperties(max_commit_retries=0)
    try:
        write_deltalake(place, row, storage_options=options, commit_properties=once)
        one, other = (DeltaTable(place, storage_options=options) for _ in range(2))
        write_deltalake(one, row, mode="append", commit_properties=once)
        try:
            write_deltalake(other, row, mode="append", commit_properties=once)
        except CommitFailedError:
            return Finding("tables", "ok", "of two commits at once the second is refused")
        return Finding("tables", "failed", "two commits from one version were both taken", ALONE)
    except (DeltaError, OSError) as error:
        # A server's XML may name an access key; what stands before it says enough.
        return Finding("tables", "failed", " ".join(str(error).split("<")[0].split())[:200], REACH)
    finally:
        store = open_store(url)
        store.delete([info.key for info in store.list(f"{table}/")])


def main(url: str) -> None:
    """Print the finding as JSON."""
    try:
        finding = race_for_a_version(url)
    except StoreError as error:
        finding = Finding("tables", "failed", str(error), REACH)
    print(json.dumps(vars(finding)))  # noqa: T201 - read by the process that asked


if __name__ == "__main__":
    main(*sys.argv[1:])
