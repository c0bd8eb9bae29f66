"""Diagnosis of the configured Prefect server.

Inputs: Prefect's own settings, and what infra/deploy/prefect.yaml declares. Outputs: findings on health, access,
version, work pools and deployments. The server's URL is shown only where it holds no password.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import yaml

from infra.diagnosis import DiagnosticFinding, FindingState
from infra.errors import ExternalError
from infra.stores.addresses import has_credentials

HEALTH_TIMEOUT_SECONDS = 5.0
SERVER_ADVICE = (
    "Start the server (`prefect server start`), correct PREFECT_API_URL, or unset it to use one for each command."
)
REFUSED = "The Prefect server refuses this login (HTTP {status}); give the server's own in PREFECT_API_AUTH_STRING"
_OPEN_ADVICE = (
    "Whoever reaches it, a web page in a browser too, can run commands through its workers: set"
    " PREFECT_SERVER_API_AUTH_STRING for the server, and PREFECT_API_AUTH_STRING for workers and clients."
)
_REFUSALS = frozenset({401, 403})
_DEPLOY_ADVICE = "Deploy from infra/deploy/prefect.yaml: `prefect deploy --all`."


class ServerRefused(ExternalError):
    """The configured Prefect server does not accept this client's login."""


@contextmanager
def translate_refusal() -> Iterator[None]:
    """Raise `ServerRefused` in the place of Prefect's own error."""
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        yield
    except PrefectHTTPStatusError as error:
        if error.response.status_code not in _REFUSALS:
            raise
        raise ServerRefused(REFUSED.format(status=error.response.status_code)) from None


def check_prefect(
    deployment_file: Mapping[str, Any] | None = None, health_timeout_seconds: float = HEALTH_TIMEOUT_SECONDS
) -> list[DiagnosticFinding]:
    """Check the configured server's health, whether it asks for a login, its version, work pools and deployments.

    `deployment_file` declares the expected ones; by default it is infra/deploy/prefect.yaml.
    """
    from prefect import __version__ as client_version
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        description = f"client {client_version}, no server is set: each command starts one of its own while it runs"
        return [DiagnosticFinding("Prefect", "ok", description)]
    parts = urlsplit(url)
    if has_credentials(url):
        advice = "Take user and password out of the URL; PREFECT_API_AUTH_STRING carries them."
        return [DiagnosticFinding("Prefect", "failed", "PREFECT_API_URL holds a user or a password", advice)]
    if parts.scheme not in {"http", "https"}:
        return [DiagnosticFinding("Prefect", "failed", f"PREFECT_API_URL is no http address: {url!r}", SERVER_ADVICE)]
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=health_timeout_seconds):  # noqa: S310 - http, checked above
            pass
    except (URLError, OSError) as error:
        if getattr(error, "code", None) not in _REFUSALS:
            return [DiagnosticFinding("Prefect", "failed", f"{url} does not answer ({error})", SERVER_ADVICE)]
    declared = load_deployment_file() if deployment_file is None else deployment_file
    try:
        with translate_refusal():
            return [*_check_access(url, health_timeout_seconds), *_check_server(url, client_version, declared)]
    except ServerRefused as error:
        return [DiagnosticFinding("Prefect", "failed", f"{url}: {error}", "The server's operator knows it.")]


def _check_access(url: str, timeout_seconds: float) -> list[DiagnosticFinding]:
    try:
        with urlopen(f"{url.rstrip('/')}/admin/version", timeout=timeout_seconds):  # noqa: S310 - http, checked above
            return [DiagnosticFinding("Prefect: access", "warning", f"{url} answers without a login", _OPEN_ADVICE)]
    except (URLError, OSError):
        return []


def _check_server(url: str, client_version: str, deployment_file: Mapping[str, Any]) -> list[DiagnosticFinding]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        version = client.request("GET", "/admin/version").json()
        pools = {pool["name"] for pool in client.request("POST", "/work_pools/filter", json={}).json()}
        deployment_names = {
            deployment["name"] for deployment in client.request("POST", "/deployments/filter", json={}).json()
        }
    versions_match = version == client_version
    advice = (
        ""
        if versions_match
        else f"Run one version on both sides: `pip install prefect=={version}`, or update the server."
    )
    description = f"{url}: server {version}, client {client_version}"
    findings = [DiagnosticFinding("Prefect", "ok" if versions_match else "warning", description, advice)]
    deployments = deployment_file.get("deployments") or []
    needed_pools = {deployment["work_pool"]["name"] for deployment in deployments if deployment.get("work_pool")}
    for kind, needed, existing, command in (
        ("work pools", needed_pools, pools, "Create it: `prefect work-pool create CATALOGUE --type process`. "),
        ("deployments", {deployment["name"] for deployment in deployments}, deployment_names, ""),
    ):
        missing_names = sorted(needed - existing)
        description = f"{', '.join(sorted(needed & existing or existing)) or 'none'}" + (
            f"; {', '.join(missing_names)} missing" if missing_names else ""
        )
        state: FindingState = "warning" if missing_names else "ok"
        findings.append(
            DiagnosticFinding(f"Prefect: {kind}", state, description, command + _DEPLOY_ADVICE if missing_names else "")
        )
    return findings


def load_deployment_file() -> dict[str, Any]:
    """Return the content of infra/deploy/prefect.yaml; nothing where it is not installed."""
    file = resources.files("infra") / "deploy" / "prefect.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {}
