"""Diagnose a store by using it: write, read back, read a range, refuse a second write, list, delete, commit a table.

Inputs: a store's URL. Outputs: findings. Everything that is written lies under `probe/` and is deleted again. The table
is checked in another process (`python -m infra.diagnosis.storage URL`): its client holds the interpreter's lock while
it waits, so an unresponsive store would stop every other probe with it.
"""

import json
import subprocess
import sys
from contextlib import suppress
from time import perf_counter
from uuid import uuid4

from infra.diagnosis import DiagnosticFinding, FindingState
from infra.errors import StoreError, StoreRefusal
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.addresses import parse_address
from infra.stores.conditional_writes import emulates_conditional_writes, supports_conditional_writes
from infra.stores.s3_client import S3Access

TABLE_RETRY_SECONDS = 5.0
"""How long deltalake repeats a request here: it repeats refusals (501) too, which never pass."""

SINGLE_WRITER_ADVICE = (
    "Use a store that honours If-None-Match, or set PACKSHOT_SINGLE_WRITER=1 if nothing but one run at a time ever"
    " writes there."
)
EMULATION_ADVICE = (
    "PACKSHOT_SINGLE_WRITER=1 is a promise: nothing but one run at a time may ever write there. A store that honours"
    " If-None-Match needs none."
)
CONNECTION_ADVICE = (
    "Check the URL, AWS_ENDPOINT_URL, AWS_REGION, the credentials and their rights to get, put, list and delete."
)


def check_store(store: ObjectStore, *, single_writer: bool) -> list[DiagnosticFinding]:
    """Try each operation that a run does with objects. Raises `StoreError` where the store cannot be reached."""
    try:
        return _check_operations(store, single_writer=single_writer)
    except StoreRefusal as error:  # it says what to set
        return [DiagnosticFinding("store", "failed", str(error))]


def _check_operations(store: ObjectStore, *, single_writer: bool) -> list[DiagnosticFinding]:
    key = f"probe/{uuid4().hex}"
    began = perf_counter()
    try:
        store.write(key, b"first light")
        matches = store.read(key) == b"first light"
        milliseconds = (perf_counter() - began) * 1000
        summary = f"{store.url}: written and read back in {milliseconds:,.0f} ms"
        findings = [_finding("store", matches, summary, f"{store.url}: the bytes read differ from the bytes written")]
        with store.open_input(key) as source:
            source.seek(6)
            findings.append(
                _finding("store: parts", source.read(5) == b"light", "ranges are honoured", "ranges are wrong")
            )
        findings.append(_check_conditional_writes(store, key, single_writer=single_writer))
        listed = key in {info.key for info in store.list("probe/")}
        store.delete([key])
        gone = not store.exists(key)
        list_state = "listed at once" if listed else "not listed after it was written"
        delete_state = "deleted" if gone else "still there after its deletion"
        findings.append(
            _finding(
                "store: list, delete", listed and gone, f"{list_state}, {delete_state}", f"{list_state}, {delete_state}"
            )
        )
    finally:
        with suppress(StoreRefusal):  # it refused the write too
            store.delete([key])
    return findings


def _check_conditional_writes(store: ObjectStore, key: str, *, single_writer: bool) -> DiagnosticFinding:
    name = "store: conditional writes"
    try:
        refused = not store.write_once(key, b"second") and store.read(key) == b"first light"
    except StoreRefusal as error:
        return DiagnosticFinding(name, "failed", str(error))
    if emulates_conditional_writes(store):
        summary = "the server has none; keys are looked up before they are written, which keeps no second run away"
        return DiagnosticFinding(name, "warning", summary, EMULATION_ADVICE)
    if refused:
        summary = "a second write is refused"
        if single_writer:
            advice = "PACKSHOT_SINGLE_WRITER=1 is not needed here: unset it, so that two runs are kept apart."
            return DiagnosticFinding(name, "warning", summary, advice)
        return DiagnosticFinding(name, "ok", summary)
    state: FindingState = "warning" if single_writer else "failed"
    return DiagnosticFinding(name, state, "a second write replaced the first", SINGLE_WRITER_ADVICE)


def _finding(name: str, holds: bool, summary: str, problem: str) -> DiagnosticFinding:
    return (
        DiagnosticFinding(name, "ok", summary)
        if holds
        else DiagnosticFinding(name, "failed", problem, CONNECTION_ADVICE)
    )


def check_tables(url: str, seconds: float) -> list[DiagnosticFinding]:
    """Try, in another process, whether the second of two commits from one version is refused."""
    command = [sys.executable, "-m", "infra.diagnosis.storage", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    try:
        return [DiagnosticFinding(**json.loads(done.stdout))]
    except (ValueError, TypeError):
        return [DiagnosticFinding("tables", "failed", f"the probe ended with {done.returncode}", CONNECTION_ADVICE)]


def probe_commit_conflict(url: str) -> DiagnosticFinding:
    """Commit twice from one version of a new table and tell whether the second was refused; delete the table."""
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable, write_deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError

    from infra.tables.delta_errors import delta_refusal_advice, describe_delta_error
    from infra.tables.delta_options import delta_options

    address, table = parse_address(url), f"probe/{uuid4().hex}"
    store = open_store(url)
    if address.scheme == "s3" and S3Access.from_environment().single_writer:
        supports_conditional_writes(store)  # the client learns whether the server refuses them
    options = delta_options(address)
    options |= {"retry_timeout": f"{TABLE_RETRY_SECONDS:g}s"} if options else {}
    uri, row = address.join(table), pa.table({"number": [1]})
    once = CommitProperties(max_commit_retries=0)
    try:
        write_deltalake(uri, row, storage_options=options, commit_properties=once)
        first, second = (DeltaTable(uri, storage_options=options) for _ in range(2))
        write_deltalake(first, row, mode="append", commit_properties=once)
        try:
            write_deltalake(second, row, mode="append", commit_properties=once)
        except CommitFailedError:
            return DiagnosticFinding("tables", "ok", "of two commits at once the second is refused")
        return DiagnosticFinding(
            "tables", "failed", "two commits from one version were both taken", SINGLE_WRITER_ADVICE
        )
    except (DeltaError, OSError) as error:
        advice = delta_refusal_advice(error)
        found = describe_delta_error(error)
        return DiagnosticFinding(
            "tables", "failed", found, f"{advice[0].upper()}{advice[1:]}." if advice else CONNECTION_ADVICE
        )
    finally:
        with suppress(StoreRefusal):
            store.delete([info.key for info in store.list(f"{table}/")])


def main(url: str) -> None:
    """Print the finding as JSON."""
    try:
        finding = probe_commit_conflict(url)
    except StoreRefusal as error:
        finding = DiagnosticFinding("tables", "failed", str(error))
    except StoreError as error:
        finding = DiagnosticFinding("tables", "failed", str(error), CONNECTION_ADVICE)
    print(json.dumps(vars(finding)))  # noqa: T201 - read by the parent process


if __name__ == "__main__":
    main(*sys.argv[1:])
