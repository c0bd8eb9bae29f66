"""Diagnosis of an installation, for `packshot doctor`: the machine, the settings, the store, the Prefect server.

Inputs: a store, a model, a policy, the names of all environment variables that are read. Outputs: findings, each with
advice. A probe that fails or times out never hides another one. No value of a variable is shown: a misspelt name may
hold a secret.
"""

import difflib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.filesize import decimal

from catalogs.errors import OptionError, SettingsError
from catalogs.policy.schema import Policy
from flows.orchestration.server_checks import SERVER_ADVICE, check_prefect
from flows.parameters import read_policy
from flows.wiring.composition import open_signer
from infra.diagnosis import DiagnosticFinding, FindingState, Probe, diagnose, machine, storage
from infra.errors import (
    EngineError,
    IntegrityKeyError,
    ProvenanceConfigError,
    ProvenanceMarkError,
    error_sentence,
)
from infra.integrity.key_files import integrity_key_path, open_integrity_keys
from infra.interfaces import ObjectStore
from infra.pools.ray_cluster import check_ray
from infra.provenance.development_certificate import IDENTITY_FILE as DEVELOPMENT_FILE
from infra.provenance.development_certificate import development_folder
from infra.scanners.image_scanners import SCANNER_SPECS, find_available, undetectable_brands
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.addresses import parse_address
from infra.stores.old_versions import LIFECYCLE_ADVICE, open_old_versions
from tasks.maintenance.store_sizes import measure_store

SETTINGS_PREFIX = "PACKSHOT_"
PROBE_TIMEOUT_SECONDS, STORE_TIMEOUT_SECONDS, PREFECT_TIMEOUT_SECONDS, DIGEST_TIMEOUT_SECONDS = 15.0, 45.0, 30.0, 900.0
"""How long a probe may take. A model's digest reads tens of gigabytes."""
RENEW_BEFORE = timedelta(days=30)
"""How long before its expiry a certificate is warned of: without a timestamp, a signature expires with it."""
SIZE_TIMEOUT_SECONDS, SIZE_ADVICE = 300.0, "A store of millions of objects takes minutes; a sweep measures it too."
_HUB_MODEL = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def run_checks(
    store: str | None, model: str | None, variables: Iterable[str], policy: str | None = None
) -> list[DiagnosticFinding]:
    """Run all probes; `variables` are the PACKSHOT_* names that options read.

    Raises, before any probe runs, `InvalidStoreAddress` for a store's URL that cannot be used, `OptionError` for a
    model that is neither a folder nor a pinned hub model, `InputError` for a policy that cannot be read.
    """
    rules = read_policy(policy)
    folders, store_probes = machine.working_folders(), list[Probe]()
    if store is not None:
        folders, store_probes = _store_probes(store)
    probes = [
        *_installation_probes(rules, variables),
        *store_probes,
        *([] if model is None else [_model_probe(model)]),
        Probe("disk", lambda: machine.check_disks(folders), PROBE_TIMEOUT_SECONDS),
    ]
    return [
        replace(finding, found=error_sentence(finding.found), advice=error_sentence(finding.advice))
        for finding in diagnose(probes)
    ]


def _installation_probes(policy: Policy, variables: Iterable[str]) -> list[Probe]:
    gpu_advice = "Look whether `nvidia-smi` answers; restart the driver."
    return [
        Probe("Python", machine.check_python, PROBE_TIMEOUT_SECONDS),
        Probe("packages", machine.check_packages, PROBE_TIMEOUT_SECONDS),
        Probe("GPU", machine.check_gpu, 5 * PROBE_TIMEOUT_SECONDS, gpu_advice),
        Probe("TensorRT", machine.check_tensorrt, PROBE_TIMEOUT_SECONDS),
        Probe("scanners", lambda: check_scanners(policy), PROBE_TIMEOUT_SECONDS),
        Probe("settings", lambda: check_settings(os.environ, variables), PROBE_TIMEOUT_SECONDS),
        Probe("C2PA", check_signing, PROBE_TIMEOUT_SECONDS),
        Probe("integrity", check_integrity_key, PROBE_TIMEOUT_SECONDS),
        Probe("engines", check_engine_pool, PROBE_TIMEOUT_SECONDS),
        Probe("Prefect", lambda: check_prefect(), PREFECT_TIMEOUT_SECONDS, SERVER_ADVICE),
    ]


def _store_probes(url: str) -> tuple[dict[str, Path], list[Probe]]:
    """Return the folders whose disks matter with this store, and the store's probes."""
    store = open_store(url)
    single_writer = os.environ.get("PACKSHOT_SINGLE_WRITER", "").lower() in {"1", "true", "yes", "on"}
    local = store.url.startswith("file://")
    folders = machine.working_folders(Path(parse_address(url).location)) if local else machine.working_folders()
    timeout, advice = STORE_TIMEOUT_SECONDS, storage.CONNECTION_ADVICE
    objects = Probe("store", lambda: storage.check_store(store, single_writer=single_writer), timeout, advice)
    tables = Probe("tables", lambda: storage.check_tables(url, timeout), timeout + 1, advice)
    sizes = Probe("store: size", lambda: check_size(store), SIZE_TIMEOUT_SECONDS, SIZE_ADVICE)
    return folders, [objects, sizes] if store.url.startswith("memory://") else [objects, tables, sizes]


def check_size(store: ObjectStore) -> list[DiagnosticFinding]:
    """Report the store's size by kind, the largest first, and whether its bucket keeps what is deleted."""
    sizes = [f"{size.kind} {decimal(size.bytes)} in {size.files:,}" for size in measure_store(store)]
    findings = [DiagnosticFinding("store: size", "ok", "; ".join(sizes) or "nothing is in it yet")]
    if open_old_versions(store) is not None:
        found = "the bucket keeps old versions: a sweep frees only those of what it deletes itself"
        findings.append(DiagnosticFinding("store: versions", "warning", found, f"To free all, {LIFECYCLE_ADVICE}."))
    return findings


def _model_probe(model: str) -> Probe:
    folder = _model_folder(model)
    advice = "Convert the model to safetensors, or download it again, whole."
    return Probe("model", lambda: _check_model(model, folder), DIGEST_TIMEOUT_SECONDS, advice)


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
    """Find PACKSHOT_* variables that nothing reads, and settings whose value is invalid."""
    known_names = {SETTINGS_PREFIX + name.upper() for name in Settings.model_fields} | set(variables)
    findings = []
    for name in sorted(
        name for name in environment if name.upper().startswith(SETTINGS_PREFIX) and name.upper() not in known_names
    ):
        similar_names = difflib.get_close_matches(name.upper(), sorted(known_names), 1)
        advice = f"Unset it, or did you mean {similar_names[0]}?" if similar_names else "Unset it; nothing reads it."
        findings.append(DiagnosticFinding("settings", "warning", f"{name} is set and has no meaning", advice))
    try:
        Settings()
    except ValueError as error:
        details = error.errors(include_input=False) if hasattr(error, "errors") else []
        for detail in details:
            name = SETTINGS_PREFIX + str(detail["loc"][0]).upper()
            message = f"{name}: {detail['msg']}"
            findings.append(DiagnosticFinding("settings", "failed", message, "Give it another value."))
    names = sorted(name for name in environment if name in known_names)
    summary = ", ".join(names) or "none is set; all have the defaults of infra/settings.py"
    return findings or [DiagnosticFinding("settings", "ok", summary)]


def check_signing() -> list[DiagnosticFinding]:
    """Report the signer of published images by opening it; a missing development certificate is not made."""
    settings = Settings()
    if not settings.c2pa:
        return [
            DiagnosticFinding("C2PA", "warning", "published files are not signed", "Unset PACKSHOT_C2PA to sign them.")
        ]
    advice = "Set PACKSHOT_C2PA_CERTIFICATE and PACKSHOT_C2PA_KEY to a certificate of yours before shops rely on it."
    folder = Path(settings.c2pa_folder or development_folder()).expanduser()
    if settings.c2pa_certificate is None and settings.c2pa_key is None and not (folder / DEVELOPMENT_FILE).exists():
        description = f"the first publishing makes a development certificate in {folder}: untrusted"
        return [DiagnosticFinding("C2PA", "warning", description, advice)]
    try:
        signer = open_signer(settings)
    except (ProvenanceConfigError, ProvenanceMarkError, SettingsError) as error:
        return [DiagnosticFinding("C2PA", "failed", str(error), "Correct the setting, or the file that it names.")]
    assert signer is not None  # noqa: S101 - it is switched on
    identity = signer.identity
    expiry = f"until {identity.expires:%Y-%m-%d}"
    if identity.development:
        return [
            DiagnosticFinding(
                "C2PA", "warning", f"signing with the development certificate {expiry}: untrusted", advice
            )
        ]
    if identity.expires - datetime.now(UTC) < RENEW_BEFORE:
        return [DiagnosticFinding("C2PA", "warning", f"signing as {identity.name} {expiry}", "Renew the certificate.")]
    return [DiagnosticFinding("C2PA", "ok", f"signing as {identity.name} {expiry}")]


def check_integrity_key() -> list[DiagnosticFinding]:
    """Report which integrity key tags staged work here; a missing key is not made."""
    settings = Settings()
    if not settings.integrity:
        advice = "Unset PACKSHOT_INTEGRITY; until then staging/ and scores/ are as trusted as published/."
        return [DiagnosticFinding("integrity", "warning", "stored work is believed as it lies", advice)]
    path, named = integrity_key_path(settings), settings.integrity_key_file is not None
    if settings.integrity_key is None and not named and not path.exists():
        return [DiagnosticFinding("integrity", "ok", f"the first run makes an integrity key in {path}")]
    try:
        keys = open_integrity_keys(settings)
    except IntegrityKeyError as error:
        return [DiagnosticFinding("integrity", "failed", str(error), "Correct the setting, or the file that it names.")]
    assert keys is not None  # noqa: S101 - they are switched on
    source = str(path) if settings.integrity_key is None else "PACKSHOT_INTEGRITY_KEY"
    accepted = f"; accepted too: {', '.join(keys.ids[1:])}" if keys.ids[1:] else ""
    found = f"key {keys.ids[0]} of {source} signs staged work{accepted}"
    if settings.integrity_key is None and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return [DiagnosticFinding("integrity", "warning", f"{found}; others can read it", f"`chmod 600 {path}`")]
    return [DiagnosticFinding("integrity", "ok", f"{found}; hosts that share a store need the same")]


def check_engine_pool() -> list[DiagnosticFinding]:
    """Report where engines run. A Ray cluster is only asked for its state: no engine is started."""
    settings = Settings()
    if settings.pool == "inline":
        return [DiagnosticFinding("engines", "ok", "one, in the process of the run (PACKSHOT_POOL=ray: one per GPU)")]
    try:
        cluster_state = check_ray(settings.ray_address)
    except EngineError as error:
        return [DiagnosticFinding("engines", "failed", str(error), "")]
    engine_count = f"{settings.ray_gpus} engines" if settings.ray_gpus else "one engine per GPU"
    return [DiagnosticFinding("engines", "ok", f"{engine_count}; {cluster_state}")]


def check_scanners(policy: Policy) -> list[DiagnosticFinding]:
    """Report each optional scanner: whether it is installed on this machine, and whether the policy requires it."""
    settings = {"logos": {"names": ["any"]}, **policy.scanner_settings}
    available, missing = find_available(SCANNER_SPECS, settings)
    findings = []
    for name, kind in SCANNER_SPECS.items():
        role = "required" if name in policy.required else "optional" if name in policy.optional else "not named"
        description = f"{kind.detects}; {kind.licence}; {role} in the policy; {available.get(name) or 'not here'}"
        state: FindingState = "ok"
        if name in missing and role != "not named":
            state = "failed" if role == "required" else "warning"
        elif name in missing:
            description += f"; to use it: `pip install 'packshot[{kind.extra}]'`, and name it in a policy"
        findings.append(DiagnosticFinding(f"scanner: {name}", state, description, missing.get(name, "")))
    if "logos" in policy.image_scanners and "logos" in available and (plain_brands := undetectable_brands(settings)):
        advice = "Give a larger or more detailed image of the logo, or list the brand under `names`."
        findings.append(
            DiagnosticFinding("scanner: logos", "warning", f"too plain to be found: {', '.join(plain_brands)}", advice)
        )
    return findings
