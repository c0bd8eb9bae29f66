"""What is wrong with the configured Prefect server is found without showing a password."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.orchestration.server_checks import check_prefect
from tests.fixtures.http_servers import loopback_server, respond

DECLARED = {"deployments": [{"name": "nightly", "work_pool": {"name": "packshot"}}]}


def test_without_a_server_every_command_brings_its_own() -> None:
    with temporary_settings({PREFECT_API_URL: None}):  # another test's server may still run
        [finding] = check_prefect()
    assert (finding.state, "no server is set" in finding.found) == ("ok", True)


def test_a_server_that_answers_is_asked_for_versions_pools_and_deployments(prefect_api: str) -> None:
    server, pools, deployments = check_prefect(DECLARED)
    assert server.state == "ok"
    assert server.found == f"{prefect_api}: server 3.8.8, client 3.8.8"
    assert (pools.state, pools.found.endswith("packshot missing")) == ("warning", True)
    assert (deployments.state, deployments.found.endswith("nightly missing")) == ("warning", True)
    assert "prefect work-pool create" in pools.advice


@pytest.mark.parametrize("login", ["", "admin:pass"])
def test_s1_a_login_that_is_refused_is_a_failure_that_names_the_setting(prefect_api: str, login: str) -> None:
    with temporary_settings({PREFECT_API_AUTH_STRING: login}):
        [finding] = check_prefect(DECLARED)
    assert finding.state == "failed"
    assert "refuses this login (HTTP 401); give the server's own in PREFECT_API_AUTH_STRING" in finding.found
    assert "pass;" not in finding.found + finding.advice


def test_s1_a_server_that_asks_for_no_login_is_warned_of() -> None:
    with (
        serve_answers({"/api/health": True, "/api/admin/version": "3.8.8"}) as url,
        temporary_settings({PREFECT_API_URL: f"{url}/api", PREFECT_API_AUTH_STRING: "admin:pass"}),
    ):
        access, *_ = check_prefect(DECLARED)
    assert (access.name, access.state) == ("Prefect: access", "warning")
    assert access.found == f"{url}/api answers without a login"
    assert "PREFECT_SERVER_API_AUTH_STRING" in access.advice


@contextmanager
def serve_answers(documents: dict[str, Any]) -> Iterator[str]:
    """Serve JSON documents by their path, and an empty list for each POST, to everybody."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        document = documents.get(handler.path) if handler.command == "GET" else []
        body = json.dumps(document).encode()
        respond(handler, 404 if document is None else 200, body, content_type="application/json")

    with loopback_server(answer) as server:
        yield server.url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://ada:sesame@127.0.0.1:1/api", "PREFECT_API_URL holds a user or a password"),
        ("ftp://127.0.0.1/api", "PREFECT_API_URL is no http address"),
        ("http://127.0.0.1:1/api", "http://127.0.0.1:1/api does not answer"),
    ],
)
def test_a_server_that_cannot_be_used_is_a_failure_without_its_password(url: str, said: str) -> None:
    with temporary_settings({PREFECT_API_URL: url}):
        [finding] = check_prefect()
    assert finding.state == "failed"
    assert finding.found.startswith(said)
    assert "sesame" not in finding.found + finding.advice


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{silent.getsockname()[1]}/api"}):
            [finding] = check_prefect(health_timeout_seconds=0.2)
    assert (finding.state, "does not answer" in finding.found) == ("failed", True)
