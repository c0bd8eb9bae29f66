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
from infra.diagnosis import Finding, Probe, State, diagnose, machine, storage
from infra.errors import BadMarks, EngineError, MarkError
from infra.pools.ray_cluster import look_at_ray
from infra.provenance.certificates import FILE as DEVELOPMENT_FILE
from infra.provenance.certificates import development_folder
from infra.scanners.image_scanners import KINDS, look_for, plain_marks
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.addresses import parse_address

PREFIX = "PACKSHOT_"
SECONDS, STORE_SECONDS, PREFECT_SECONDS, DIGEST_SECONDS = 15.0, 45.0, 30.0, 900.0
"""How long a question may take. A model's digest reads tens of gigabytes."""
_HEALTH_SECONDS = 5.0
RENEW_BEFORE = timedelta(days=30)
"""How long before its end a certificate is warned of: unless it is stamped, a signature ends with it."""
_HUB = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def examine(store: str | None, model: str | None, variables: Iterable[str], policy: str | None = None) -> list[Finding]:
    """Ask everything; `variables` are the PACKSHOT_* names that options read.

    Raises `BadAddress` for a store's URL that cannot be used, `OptionError` for a model that is none, `InputError` for
    a policy that cannot be read.
    """
    rules = read_policy(policy)  # as is a policy that cannot be read
    probes = [
        Probe("Python", machine.look_at_python, SECONDS),
        Probe("packages", machine.look_at_packages, SECONDS),
        Probe("GPU", machine.look_at_gpu, 5 * SECONDS, "Look whether `nvidia-smi` answers; restart the driver."),
        Probe("TensorRT", machine.look_at_tensorrt, SECONDS),
        Probe("scanners", lambda: look_at_scanners(rules), SECONDS),
        Probe("settings", lambda: look_at_settings(os.environ, variables), SECONDS),
        Probe("C2PA", look_at_signing, SECONDS),
        Probe("engines", look_at_pool, SECONDS),
        Probe("Prefect", lambda: look_at_prefect(), PREFECT_SECONDS, _SERVER),
    ]
    folders = machine.working_folders()
    if store is not None:
        opened = open_store(store)  # what is wrong with the URL is said before anything is asked
        single = os.environ.get("PACKSHOT_SINGLE_WRITER", "").lower() in {"1", "true", "yes", "on"}
        if opened.url.startswith("file://"):
            folders = machine.working_folders(Path(parse_address(store).place))
        ask = [
            Probe("store", lambda: storage.look_at_store(opened, single_writer=single), STORE_SECONDS, storage.REACH),
            Probe("tables", lambda: storage.look_at_tables(store, STORE_SECONDS), STORE_SECONDS + 1, storage.REACH),
        ]
        probes += ask if not opened.url.startswith("memory://") else ask[:1]
    if model is not None:
        folder = _model_folder(model)
        advice = "Convert the model to safetensors, or download it again, whole."
        probes.append(Probe("model", lambda: _look_at_model(model, folder), DIGEST_SECONDS, advice))
    probes.append(Probe("disk", lambda: machine.look_at_disks(folders), SECONDS))
    return diagnose(probes)


def _model_folder(model: str) -> Path:
    if Path(model).is_dir():
        return Path(model).resolve()
    if not _HUB.fullmatch(model):
        raise OptionError(f"--model: {model!r} is no folder here, and no hub-id@commit with a full commit of 40 digits")
    name, _, revision = model.partition("@")
    cache = Path(os.environ.get("HF_HUB_CACHE") or machine.working_folders()["model cache"] / "hub")
    return cache / f"models--{name.replace('/', '--')}" / "snapshots" / revision


def _look_at_model(model: str, folder: Path) -> list[Finding]:
    if folder.is_dir():
        return machine.look_at_model(folder)
    name, _, revision = model.partition("@")
    advice = f"The first run downloads it; to do so now: `hf download {name} --revision {revision}`."
    return [Finding("model", "warning", f"{name} is not in the model cache", advice)]


def look_at_settings(environment: Mapping[str, str], variables: Iterable[str]) -> list[Finding]:
    """Find variables that look like ours and mean nothing, and values that are refused."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | set(variables)
    findings = []
    for name in sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known):
        near = difflib.get_close_matches(name.upper(), sorted(known), 1)
        advice = f"Unset it, or did you mean {near[0]}?" if near else "Unset it; nothing reads it."
        findings.append(Finding("settings", "warning", f"{name} is set and means nothing", advice))
    try:
        Settings()
    except ValueError as error:
        details = error.errors(include_input=False) if hasattr(error, "errors") else []
        for each in details:
            name = PREFIX + str(each["loc"][0]).upper()
            findings.append(Finding("settings", "failed", f"{name}: {each['msg']}", "Give it another value."))
    ours = sorted(name for name in environment if name in known)
    said = f"{', '.join(ours)}" if ours else "none is set; all are as infra/settings.py says"
    return findings or [Finding("settings", "ok", said)]


def look_at_signing() -> list[Finding]:
    """Tell who signs what is published, by trying it; nothing is made where no development certificate is yet."""
    settings = Settings()
    if not settings.c2pa:
        return [Finding("C2PA", "warning", "published files are not signed", "Unset PACKSHOT_C2PA to sign them.")]
    mend = "Set PACKSHOT_C2PA_CERTIFICATE and PACKSHOT_C2PA_KEY to a certificate of yours before shops rely on it."
    folder = Path(settings.c2pa_folder or development_folder()).expanduser()
    if settings.c2pa_certificate is None and settings.c2pa_key is None and not (folder / DEVELOPMENT_FILE).exists():
        said = f"the first publishing makes a development certificate in {folder}: untrusted"
        return [Finding("C2PA", "warning", said, mend)]
    try:
        signer = open_signer(settings)
    except (BadMarks, MarkError, SettingsError) as error:
        return [Finding("C2PA", "failed", str(error), "Correct the setting, or the file that it names.")]
    assert signer is not None  # noqa: S101 - it is switched on
    who = signer.identity
    until = f"until {who.expires:%Y-%m-%d}"
    if who.development:
        return [Finding("C2PA", "warning", f"signing with the development certificate {until}: untrusted", mend)]
    if who.expires - datetime.now(UTC) < RENEW_BEFORE:
        return [Finding("C2PA", "warning", f"signing as {who.name} {until}", "Renew the certificate.")]
    return [Finding("C2PA", "ok", f"signing as {who.name} {until}")]


def look_at_pool() -> list[Finding]:
    """Tell where engines live; of a Ray cluster only whether it answers, since nothing is started here."""
    settings = Settings()
    if settings.pool == "inline":
        return [Finding("engines", "ok", "one, in the process of the run (PACKSHOT_POOL=ray: one a GPU)")]
    try:
        said = look_at_ray(settings.ray_address)
    except EngineError as error:
        return [Finding("engines", "failed", str(error), "")]
    many = f"{settings.ray_gpus} engines" if settings.ray_gpus else "an engine a GPU"
    return [Finding("engines", "ok", f"{many}; {said}")]


def look_at_scanners(policy: Policy) -> list[Finding]:
    """Tell of each scanner that is not in every installation whether it is here, and what the policy wants of it."""
    settings = {"logos": {"names": ["any"]}, **policy.scanner_settings}
    here, missing = look_for(KINDS, settings)
    findings = []
    for name, kind in KINDS.items():
        wanted = "required" if name in policy.required else "optional" if name in policy.optional else "not named"
        said = f"{kind.sees}; {kind.licence}; {wanted} in the policy; {here.get(name) or 'not here'}"
        state: State = "ok"
        if name in missing and wanted != "not named":
            state = "failed" if wanted == "required" else "warning"
        elif name in missing:
            said += f"; to use it: `pip install 'packshot[{kind.extra}]'`, and name it in a policy"
        findings.append(Finding(f"scanner: {name}", state, said, missing.get(name, "")))
    if "logos" in policy.image_scanners and "logos" in here and (plain := plain_marks(settings)):
        advice = "Give a larger or a fuller picture of the mark, or list the brand under `names`."
        findings.append(Finding("scanner: logos", "warning", f"too plain to be found: {', '.join(plain)}", advice))
    return findings


# Prefect

_SERVER = "Start the server (`prefect server start`), correct PREFECT_API_URL, or unset it to use one for each command."
_DEPLOY = "Deploy from infra/deploy/prefect.yaml: `prefect deploy --all`."


def look_at_prefect(wanted: "Mapping[str, Any] | None" = None) -> list[Finding]:
    """Ask the server that is configured for its health, its version, its work pools and its deployments.

    `wanted` is what infra/deploy/prefect.yaml declares.
    """
    from prefect import __version__ as client_version
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        said = f"client {client_version}, no server is set: each command brings one of its own for as long as it runs"
        return [Finding("Prefect", "ok", said)]
    parts = urlsplit(url)
    if "@" in parts.netloc:
        advice = "Take user and password out of the URL; PREFECT_API_AUTH_STRING carries them."
        return [Finding("Prefect", "failed", "PREFECT_API_URL holds a user or a password", advice)]
    if parts.scheme not in {"http", "https"}:
        return [Finding("Prefect", "failed", f"PREFECT_API_URL is no http address: {url!r}", _SERVER)]
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=_HEALTH_SECONDS):  # noqa: S310 - http, checked above
            pass
    except (URLError, OSError) as error:
        if getattr(error, "code", None) not in {401, 403}:
            return [Finding("Prefect", "failed", f"{url} does not answer ({error})", _SERVER)]
    return _ask_server(url, client_version, declared() if wanted is None else wanted)


def _ask_server(url: str, client_version: str, wanted: Mapping[str, Any]) -> list[Finding]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        version = client.request("GET", "/admin/version").json()
        pools = {pool["name"] for pool in client.request("POST", "/work_pools/filter", json={}).json()}
        there = {each["name"] for each in client.request("POST", "/deployments/filter", json={}).json()}
    same = version == client_version
    advice = "" if same else f"Run one version on both sides: `pip install prefect=={version}`, or update the server."
    said = f"{url}: server {version}, client {client_version}"
    findings = [Finding("Prefect", "ok" if same else "warning", said, advice)]
    deployments = wanted.get("deployments") or []
    needed_pools = {each["work_pool"]["name"] for each in deployments if each.get("work_pool")}
    for what, needed, found, command in (
        ("work pools", needed_pools, pools, "Create it: `prefect work-pool create NAME --type process`. "),
        ("deployments", {each["name"] for each in deployments}, there, ""),
    ):
        missing = sorted(needed - found)
        said = f"{', '.join(sorted(needed & found or found)) or 'none'}" + (
            f"; {', '.join(missing)} missing" if missing else ""
        )
        state = "warning" if missing else "ok"
        findings.append(Finding(f"Prefect: {what}", state, said, command + _DEPLOY if missing else ""))  # type: ignore[arg-type]
    return findings


def declared() -> dict[str, Any]:
    """Return what infra/deploy/prefect.yaml declares; nothing where it is not installed."""
    file = resources.files("infra") / "deploy" / "prefect.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {}
