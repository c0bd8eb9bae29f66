"""A CDN is purged by a real command and by a real server on loopback; a failure is an answer and no error."""

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra import cdn_purge
from infra.cdn_purge import CommandPurger, PurgeAnswer, WebhookPurger, open_purger
from infra.settings import Settings

KEYS = ["published/shoes/a b.jpg", "published/shoes/ü.jpg"]


def python_command(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


@contextmanager
def webhook_server(status: int, *, echo: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that answers every POST with this status; yield its address, and the bodies that it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(f"\x1b[2Jno such page: {self.path}".encode() if echo else b"purged\nall")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/purge?token=sesame", bodies
    finally:
        server.shutdown()
        server.server_close()


def test_a_command_gets_the_keys_as_json_lines_and_no_shell_reads_them(tmp_path: Path) -> None:
    target = tmp_path / "got"
    code = f"import sys; open({str(target)!r}, 'wb').write(sys.stdin.buffer.read()); print('gone')"
    assert CommandPurger(python_command(code)).send("s3://shop", KEYS) == PurgeAnswer(True, "exit 0 gone")
    assert [json.loads(line)["key"] for line in target.read_text().splitlines()] == KEYS
    CommandPurger(python_command(code), "https://cdn.test/shop").send("s3://shop", ["published/a b.jpg"])
    assert json.loads(target.read_text()) == {
        "store": "s3://shop", "key": "published/a b.jpg", "url": "https://cdn.test/shop/published/a%20b.jpg",
    }  # fmt: skip
    answer = CommandPurger(f"echo $(touch {tmp_path / 'shell'})").send("s3://shop", KEYS)
    assert answer.succeeded
    assert not (tmp_path / "shell").exists()


def test_a_command_that_fails_hangs_or_does_not_exist_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = CommandPurger(python_command("import sys; sys.exit('no such zone')")).send("s3://shop", KEYS)
    assert failed == PurgeAnswer(False, "exit 1 no such zone")
    missing = CommandPurger("/no/such/purger").send("s3://shop", KEYS)
    assert missing == PurgeAnswer(False, "the command could not be started: No such file or directory")
    monkeypatch.setattr(cdn_purge, "PURGE_SECONDS", 0.2)
    hanging = CommandPurger(python_command("import time; time.sleep(60)")).send("s3://shop", KEYS)
    assert hanging == PurgeAnswer(False, "the command took longer than 0.2 s")


@pytest.mark.parametrize(("status", "succeeded"), [(200, True), (204, True), (302, False), (500, False)])
def test_a_webhook_gets_the_same_lines_and_its_status_is_the_answer(status: int, succeeded: bool) -> None:
    with webhook_server(status) as (url, bodies):
        answer = WebhookPurger(url).send("s3://shop", KEYS)
    assert answer.succeeded == succeeded
    assert answer.answer.startswith(str(status))
    assert "sesame" not in answer.answer
    assert [json.loads(line) for line in bodies[0].splitlines()] == [{"store": "s3://shop", "key": key} for key in KEYS]


def test_s8_an_answer_that_repeats_the_address_is_kept_without_its_token() -> None:
    with webhook_server(200, echo=True) as (address, _):
        answer = WebhookPurger(address.replace("/purge?", "/hooks/secret-hook-77?")).send("s3://shop", KEYS)
    assert answer == PurgeAnswer(True, "200 \\x1b[2Jno such page: …?…")


def test_a_webhook_that_is_away_is_an_answer_without_its_address() -> None:
    answer = WebhookPurger("http://127.0.0.1:9/purge?token=sesame").send("s3://shop", KEYS)
    assert answer == PurgeAnswer(False, "no answer: ConnectionRefusedError")


@pytest.mark.parametrize("url", ["http://cdn.test/", "https://ada:secret@cdn.test/", "file:///etc/passwd", "cdn", ""])
def test_only_https_without_a_password_is_posted_to(url: str) -> None:
    with pytest.raises(ValueError, match="must be an https:// address") as refused:
        WebhookPurger(url)
    assert "secret" not in str(refused.value)


def test_the_settings_name_one_of_both_or_none() -> None:
    assert open_purger(Settings()) is None
    assert isinstance(open_purger(Settings(purge_command="purge --all")), CommandPurger)
    assert isinstance(open_purger(Settings(purge_webhook="https://cdn.test/purge")), WebhookPurger)
    with pytest.raises(ValueError, match="not both"):
        open_purger(Settings(purge_command="x", purge_webhook="https://cdn.test/purge"))
    for wrong in (" ", "'"):
        with pytest.raises(ValueError, match="PACKSHOT_PURGE_COMMAND"):
            open_purger(Settings(purge_command=wrong))
