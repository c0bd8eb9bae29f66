"""S8: secrets of a whole installation, searched for in every file and on every stream after real commands.

Each secret is a word that stands nowhere else. Searched are the store, Prefect's home with its database, the
tracebacks, everything else below a HOME of its own, stdout and stderr; as they are, in base64 and in URL quoting.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from infra.stores import open_store
from tests.fixtures.http_servers import LoopbackServer, loopback_server, respond

CANARIES = {
    "AWS_SECRET_ACCESS_KEY": "canary/aws+secret0001",
    "AWS_SESSION_TOKEN": "canary/aws+token0002",
    "PACKSHOT_SOURCE_QUERY": "X-Amz-Signature=canarysignature0003&f=1",
    "PACKSHOT_INTEGRITY_KEY": "63616e617279696e746567726974796b6579303030343030303030303030303030",
    "HF_TOKEN": "hf_canarytoken0005",
    "PREFECT_API_KEY": "pnu_canarykey0006",
    "PACKSHOT_PURGE_WEBHOOK": "https://127.0.0.1:9/purge/canarywebhook0007",
}
PASSWORD = "canarypassword0008"  # noqa: S105 - a test's own
SECRETS = [*CANARIES.values(), "canarysignature0003", PASSWORD]
ROWS = b"sku,title\nthing-1,Thing One\nthing-2,Thing Two\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def shop() -> Iterator[LoopbackServer]:
    def answer(handler: object) -> None:
        respond(handler, 200 if "good" in handler.path else 403, ROWS)  # type: ignore[attr-defined, arg-type]

    with loopback_server(answer) as server:
        yield server


def environment(home: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PACKSHOT_", "XDG_"))}
    return kept | CANARIES | {"HOME": str(home), "TMPDIR": str(home)} | variables


def packshot(home: Path, *words: object, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "flows.cli", *map(str, words)]
    return subprocess.run(command, env=environment(home, **variables), capture_output=True, check=False)


def spellings(secret: str) -> list[bytes]:
    return [secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")[:-1], quote(secret, safe="").encode()]


def leaks(home: Path, *streams: bytes) -> list[str]:
    """Return which secret stands where, in files and on streams."""
    places = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    places |= {f"stream {number}": stream for number, stream in enumerate(streams)}
    assert len(places) > len(streams)
    return [f"{secret} in {place}" for place, content in places.items() for secret in SECRETS
            if any(spelling in content for spelling in spellings(secret))]  # fmt: skip


@pytest.mark.slow
def test_s8_a_signed_source_is_refreshed_and_its_signature_kept_nowhere(home: Path, shop: LoopbackServer) -> None:
    words = (f"{shop.url}/good.csv", "--store", home / "store", "--catalogue", "c", "--engine", "stub")
    planned, done = (packshot(home, command, *words, "--json") for command in ("plan", "refresh"))
    report = json.loads(done.stdout)
    assert (done.returncode, report["slots"]["published"], report["source"]) == (0, 2, f"{shop.url}/good.csv"), (
        done.stderr
    )
    assert all("canarysignature0003" in request for request in shop.requests)
    assert leaks(home, planned.stdout, planned.stderr, done.stdout, done.stderr) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("refresh", "{shop}/denied.csv"), {}),
        (("refresh", "http://127.0.0.1:9/away.csv"), {}),
        (("plan", f"http://ada:{PASSWORD}@127.0.0.1:9/c.csv"), {}),
        (("refresh", f"zip://c.csv::http://ada:{PASSWORD}@127.0.0.1:9/c.zip"), {}),
        (("refresh", f"https://shop.test/c.csv?sig={PASSWORD}"), {}),
        (("refresh", "{shop}/good.csv"), {"PREFECT_API_URL": f"http://ada:{PASSWORD}@127.0.0.1:9/api"}),
        (("refresh", "s3://bucket/c.csv"), {"AWS_ENDPOINT_URL": f"http://127.0.0.1:9/?token={PASSWORD}"}),
        (("plan", "s3://bucket/c.csv"), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "nobody"}),
        (("refresh", "{shop}/good.csv", "--model", f"https://ada:{PASSWORD}@hub.test/m"), {}),
        (("plan", "{shop}/good.csv"), {"PACKSHOT_RAY_ADDRESS": f"ada:{PASSWORD}@host:1", "PACKSHOT_POOL": "ray"}),
        (("doctor",), {"PREFECT_API_URL": f"http://ada:{PASSWORD}@127.0.0.1:9/api"}),
        (("doctor", "--store", f"s3://ada:{PASSWORD}@bucket/x"), {}),
        (("why", "thing-1"), {"PACKSHOT_STORE": f"s3://bucket/x?sig={PASSWORD}"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else " ".join(value) or "-",
)
def test_s8_a_failure_repeats_no_secret(
    home: Path, shop: LoopbackServer, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    words = tuple(word.replace("{shop}", shop.url) for word in words)
    store = ("--store", str(home / "other"), "--catalogue", "c") if words[0] in {"refresh", "plan"} else ()
    engine = ("--engine", "stub") if store and "--model" not in words else ()
    failed = packshot(home, *words, *store, *engine, **variables)
    assert (failed.returncode in {2, 3}, b"Traceback" in failed.stderr) == (True, False), failed.stderr
    assert failed.stderr or words[0] == "doctor"
    assert leaks(home, failed.stdout, failed.stderr) == []


@pytest.mark.slow
def test_s8_a_local_stack_with_workers_keeps_no_secret(home: Path, tmp_path: Path) -> None:
    from flows.orchestration.local_server import open_listener

    with open_listener() as listener:
        port = listener.getsockname()[1]
    words = ["up", "--out", str(home / "up"), "--port", str(port)]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *words], env=environment(home), stdout=out, stderr=err
        )
        while process.poll() is None and b"Ctrl-C ends everything" not in (tmp_path / "out").read_bytes():
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait()
    streams = [(tmp_path / name).read_bytes() for name in ("out", "err")]
    assert b"Ctrl-C ends everything" in streams[0], streams
    assert leaks(home, *streams) == []
    assert open_store(str(home / "store")).exists  # the store of the tests above is still what was searched
