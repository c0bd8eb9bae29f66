"""Which questions `packshot doctor` asks, and those that only Prefect and the settings can answer.

Comes in: a store, a model, the names of all variables that mean something. Goes out: findings about this machine, the
settings, the store and the Prefect server. No value of a variable is shown: a misspelt name may hold a secret.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import yaml

from catalogs.errors import OptionError, SettingsError
from catalogs.policy.schema import Policy
from flows.parameters import read_policy
from flows.wiring.composition import open_signer
from infra.diagnosis import DiagnosticFinding, FindingState, Probe, diagnose, machine, storage
from infra.errors import EngineError, ProvenanceConfigError, ProvenanceMarkError
from infra.pools.ray_cluster import check_ray
from infra.provenance.development_certificate import IDENTITY_FILE as DEVELOPMENT_FILE
from infra.provenance.development_certificate import development_folder
from infra.scanners.image_scanners import SCANNER_SPECS, find_available, undetectable_brands
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.addresses import has_credentials, parse_address

SETTINGS_PREFIX = "PACKSHOT_"
PROBE_TIMEOUT_SECONDS, STORE_TIMEOUT_SECONDS, PREFECT_TIMEOUT_SECONDS, DIGEST_TIMEOUT_SECONDS = 15.0, 45.0, 30.0, 900.0
"""How long a question may take. A model's digest reads tens of gigabytes."""
_HEALTH_TIMEOUT_SECONDS = 5.0
RENEW_BEFORE = timedelta(days=30)
"""How long before its end a certificate is warned of: unless it is stamped, a signature ends with it."""
_HUB_MODEL = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def run_checks(
    store: str | None, model: str | None, variables: Iterable[str], policy: str | None = None
) -> list[DiagnosticFinding]:
    """Ask everything; `variables` are the PACKSHOT_* names that options read.

    Raises `InvalidStoreAddress` for a store's URL that cannot be used, `OptionError` for a model that is none,
    `InputError` for a policy that cannot be read.
    """
    rules = read_policy(policy)  # as is a policy that cannot be read
    probes = [
        Probe("Python", machine.check_python, PROBE_TIMEOUT_SECONDS),
        Probe("packages", machine.check_packages, PROBE_TIMEOUT_SECONDS),
        Probe(
            "GPU",
            machine.check_gpu,
            5 * PROBE_TIMEOUT_SECONDS,
            "Look whether `nvidia-smi` answers; restart the driver.",
        ),
        Probe("TensorRT", machine.check_tensorrt, PROBE_TIMEOUT_SECONDS),
        Probe("scanners", lambda: check_scanners(rules), PROBE_TIMEOUT_SECONDS),
        Probe("settings", lambda: check_settings(os.environ, variables), PROBE_TIMEOUT_SECONDS),
        Probe("C2PA", check_signing, PROBE_TIMEOUT_SECONDS),
        Probe("engines", check_engine_pool, PROBE_TIMEOUT_SECONDS),
        Probe("Prefect", lambda: check_prefect(), PREFECT_TIMEOUT_SECONDS, _SERVER_ADVICE),
    ]
    folders = machine.working_folders()
    if store is not None:
        opened = open_store(store)  # what is wrong with the URL is said before anything is asked
        single = os.environ.get("PACKSHOT_SINGLE_WRITER", "").lower() in {"1", "true", "yes", "on"}
        if opened.url.startswith("file://"):
            folders = machine.working_folders(Path(parse_address(store).location))
        ask = [
            Probe(
                "store",
                lambda: storage.check_store(opened, single_writer=single),
                STORE_TIMEOUT_SECONDS,
                storage.CONNECTION_ADVICE,
            ),
            Probe(
                "tables",
                lambda: storage.check_tables(store, STORE_TIMEOUT_SECONDS),
                STORE_TIMEOUT_SECONDS + 1,
                storage.CONNECTION_ADVICE,
            ),
        ]
        probes += ask if not opened.url.startswith("memory://") else ask[:1]
    if model is not None:
        folder = _model_folder(model)
        advice = "Convert the model to safetensors, or download it again, whole."
        probes.append(Probe("model", lambda: _check_model(model, folder), DIGEST_TIMEOUT_SECONDS, advice))
    probes.append(Probe("disk", lambda: machine.check_disks(folders), PROBE_TIMEOUT_SECONDS))
    return diagnose(probes)


def _model_folder(model: str) -> Path:
    if Path(model).is_dir():
        return Path(model).resolve()
    if not _HUB_MODEL.fullmatch(model):
        raise OptionError(f"--model: {model!r} is no folder here, and no hub-id@commit with a full commit of 40 digits")
    name, _, revision = model.partition("@")
    cache = Path(os.environ.get("HF_HUB_CACHE") or machine.working_folders()["model cache"] / "hub")
    return cache / f"models--{name.replace('/', '--')}" / "snapshots" / revision


def _check_model(model: str, folder: Path) -> list[DiagnosticFinding]:
    if folder.is_dir():
        return machine.check_model(folder)
    name, _, revision = model.partition("@")
    advice = f"The first run downloads it; to do so now: `hf download {name} --revision {revision}`."
    return [DiagnosticFinding("model", "warning", f"{name} is not in the model cache", advice)]


def check_settings(environment: Mapping[str, str], variables: Iterable[str]) -> list[DiagnosticFinding]:
    """Find variables that look like ours and mean nothing, and values that are refused."""
    known = {SETTINGS_PREFIX + name.upper() for name in Settings.model_fields} | set(variables)
    findings = []
    for name in sorted(
        name for name in environment if name.upper().startswith(SETTINGS_PREFIX) and name.upper() not in known
    ):
        near = difflib.get_close_matches(name.upper(), sorted(known), 1)
        advice = f"Unset it, or did you mean {near[0]}?" if near else "Unset it; nothing reads it."
        findings.append(DiagnosticFinding("settings", "warning", f"{name} is set and means nothing", advice))
    try:
        Settings()
    except ValueError as error:
        details = error.errors(include_input=False) if hasattr(error, "errors") else []
        for each in details:
            name = SETTINGS_PREFIX + str(each["loc"][0]).upper()
            findings.append(DiagnosticFinding("settings", "failed", f"{name}: {each['msg']}", "Give it another value."))
    ours = sorted(name for name in environment if name in known)
    said = f"{', '.join(ours)}" if ours else "none is set; all are as infra/settings.py says"
    return findings or [DiagnosticFinding("settings", "ok", said)]


def check_signing() -> list[DiagnosticFinding]:
    """Tell who signs what is published, by trying it; nothing is made where no development certificate is yet."""
    settings = Settings()
    if not settings.c2pa:
        return [
            DiagnosticFinding("C2PA", "warning", "published files are not signed", "Unset PACKSHOT_C2PA to sign them.")
        ]
    mend = "Set PACKSHOT_C2PA_CERTIFICATE and PACKSHOT_C2PA_KEY to a certificate of yours before shops rely on it."
    folder = Path(settings.c2pa_folder or development_folder()).expanduser()
    if settings.c2pa_certificate is None and settings.c2pa_key is None and not (folder / DEVELOPMENT_FILE).exists():
        said = f"the first publishing makes a development certificate in {folder}: untrusted"
        return [DiagnosticFinding("C2PA", "warning", said, mend)]
    try:
        signer = open_signer(settings)
    except (ProvenanceConfigError, ProvenanceMarkError, SettingsError) as error:
        return [DiagnosticFinding("C2PA", "failed", str(error), "Correct the setting, or the file that it names.")]
    assert signer is not None  # noqa: S101 - it is switched on
    who = signer.identity
    until = f"until {who.expires:%Y-%m-%d}"
    if who.development:
        return [
            DiagnosticFinding("C2PA", "warning", f"signing with the development certificate {until}: untrusted", mend)
        ]
    if who.expires - datetime.now(UTC) < RENEW_BEFORE:
        return [DiagnosticFinding("C2PA", "warning", f"signing as {who.name} {until}", "Renew the certificate.")]
    return [DiagnosticFinding("C2PA", "ok", f"signing as {who.name} {until}")]


def check_engine_pool() -> list[DiagnosticFinding]:
    """Tell where engines live; of a Ray cluster only whether it answers, since nothing is started here."""
    settings = Settings()
    if settings.pool == "inline":
        return [DiagnosticFinding("engines", "ok", "one, in the process of the run (PACKSHOT_POOL=ray: one a GPU)")]
    try:
        said = check_ray(settings.ray_address)
    except EngineError as error:
        return [DiagnosticFinding("engines", "failed", str(error), "")]
    many = f"{settings.ray_gpus} engines" if settings.ray_gpus else "an engine a GPU"
    return [DiagnosticFinding("engines", "ok", f"{many}; {said}")]


def check_scanners(policy: Policy) -> list[DiagnosticFinding]:
    """Tell of each scanner that is not in every installation whether it is here, and what the policy wants of it."""
    settings = {"logos": {"names": ["any"]}, **policy.scanner_settings}
    here, missing = find_available(SCANNER_SPECS, settings)
    findings = []
    for name, kind in SCANNER_SPECS.items():
        wanted = "required" if name in policy.required else "optional" if name in policy.optional else "not named"
        said = f"{kind.detects}; {kind.licence}; {wanted} in the policy; {here.get(name) or 'not here'}"
        state: FindingState = "ok"
        if name in missing and wanted != "not named":
            state = "failed" if wanted == "required" else "warning"
        elif name in missing:
            said += f"; to use it: `pip install 'packshot[{kind.extra}]'`, and name it in a policy"
        findings.append(DiagnosticFinding(f"scanner: {name}", state, said, missing.get(name, "")))
    if "logos" in policy.image_scanners and "logos" in here and (plain := undetectable_brands(settings)):
        advice = "Give a larger or a fuller picture of the mark, or list the brand under `names`."
        findings.append(
            DiagnosticFinding("scanner: logos", "warning", f"too plain to be found: {', '.join(plain)}", advice)
        )
    return findings


# Prefect

_SERVER_ADVICE = (
    "Start the server (`prefect server start`), correct PREFECT_API_URL, or unset it to use one for each command."
)
_DEPLOY_ADVICE = "Deploy from infra/deploy/prefect.yaml: `prefect deploy_flows --all`."


def check_prefect(deployment_file: "Mapping[str, Any] | None" = None) -> list[DiagnosticFinding]:
    """Ask the server that is configured for its health, its version, its work pools and its deployments.

    `wanted` is what infra/deploy/prefect.yaml declares.
    """
    from prefect import __version__ as client_version
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        said = f"client {client_version}, no server is set: each command brings one of its own for as long as it runs"
        return [DiagnosticFinding("Prefect", "ok", said)]
    parts = urlsplit(url)
    if has_credentials(url):
        advice = "Take user and password out of the URL; PREFECT_API_AUTH_STRING carries them."
        return [DiagnosticFinding("Prefect", "failed", "PREFECT_API_URL holds a user or a password", advice)]
    if parts.scheme not in {"http", "https"}:
        return [DiagnosticFinding("Prefect", "failed", f"PREFECT_API_URL is no http address: {url!r}", _SERVER_ADVICE)]
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=_HEALTH_TIMEOUT_SECONDS):  # noqa: S310 - http, checked above
            pass
    except (URLError, OSError) as error:
        if getattr(error, "code", None) not in {401, 403}:
            return [DiagnosticFinding("Prefect", "failed", f"{url} does not answer ({error})", _SERVER_ADVICE)]
    return _check_server(url, client_version, load_deployment_file() if deployment_file is None else deployment_file)


def _check_server(url: str, client_version: str, deployment_file: Mapping[str, Any]) -> list[DiagnosticFinding]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        version = client.request("GET", "/admin/version").json()
        pools = {pool["name"] for pool in client.request("POST", "/work_pools/filter", json={}).json()}
        there = {each["name"] for each in client.request("POST", "/deployments/filter", json={}).json()}
    same = version == client_version
    advice = "" if same else f"Run one version on both sides: `pip install prefect=={version}`, or update the server."
    said = f"{url}: server {version}, client {client_version}"
    findings = [DiagnosticFinding("Prefect", "ok" if same else "warning", said, advice)]
    deployments = deployment_file.get("deployments") or []
    needed_pools = {each["work_pool"]["name"] for each in deployments if each.get("work_pool")}
    for what, needed, found, command in (
        ("work pools", needed_pools, pools, "Create it: `prefect work-pool create CATALOGUE --type process`. "),
        ("deployments", {each["name"] for each in deployments}, there, ""),
    ):
        missing = sorted(needed - found)
        said = f"{', '.join(sorted(needed & found or found)) or 'none'}" + (
            f"; {', '.join(missing)} missing" if missing else ""
        )
        state = "warning" if missing else "ok"
        findings.append(DiagnosticFinding(f"Prefect: {what}", state, said, command + _DEPLOY_ADVICE if missing else ""))  # type: ignore[arg-type]
    return findings


def load_deployment_file() -> dict[str, Any]:
    """Return what infra/deploy/prefect.yaml declares; nothing where it is not installed."""
    file = resources.files("infra") / "deploy" / "prefect.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {}
