"""What the doctor asks beyond the machine: settings by name, and a Prefect server that answers, lies or is silent."""

import importlib.util
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catalogs.errors import OptionError
from catalogs.policy.schema import load_policy
from flows.doctor import (
    check_engine_pool,
    check_integrity_key,
    check_scanners,
    check_settings,
    check_signing,
    run_checks,
)
from infra.diagnosis import DiagnosticFinding
from infra.errors import InvalidStoreAddress
from infra.integrity.key_files import open_integrity_keys
from infra.integrity.keyring import IntegrityKeys
from infra.pools import ray_cluster
from infra.provenance.development_certificate import development_identity
from infra.settings import Settings
from tests.fixtures.ray_clusters import NEEDS_RAY
from tests.fixtures.scanner_images import draw_logo
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity


def test_a_misspelt_setting_is_named_without_its_value() -> None:
    environment = {"PACKSHOT_SHARDSIZE": "hunter2", "PACKSHOT_STORE": "here", "HOME": "there"}
    [finding] = check_settings(environment, {"PACKSHOT_STORE"})
    assert finding.found == "PACKSHOT_SHARDSIZE is set and has no meaning"
    assert finding.advice == "Unset it, or did you mean PACKSHOT_SHARD_SIZE?"
    [finding] = check_settings({"PACKSHOT_STORE": "s3://secret"}, {"PACKSHOT_STORE"})
    assert (finding.state, finding.found) == ("ok", "PACKSHOT_STORE")


def test_a_setting_out_of_its_range_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_SHARD_SIZE", "999")
    [finding] = check_settings({}, ())
    assert finding.state == "failed"
    assert finding.found.startswith("PACKSHOT_SHARD_SIZE: Input should be less than or equal to 256")


def test_where_engines_live_is_said_and_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    [finding] = check_engine_pool()
    assert (finding.state, finding.found.startswith("one, in the process of the run")) == ("ok", True)
    monkeypatch.setenv("PACKSHOT_POOL", "ray")
    monkeypatch.setattr(ray_cluster, "ray_is_installed", lambda: False)
    [finding] = check_engine_pool()
    assert (finding.state, "pip install 'packshot[ray]'" in finding.found) == ("failed", True)


@NEEDS_RAY
def test_a_ray_cluster_is_asked_whether_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_POOL", "ray")
    monkeypatch.setenv("PACKSHOT_RAY_GPUS", "4")
    [finding] = check_engine_pool()
    assert finding.state == "ok"
    assert re.fullmatch(r"4 engines; ray [\d.]+, started for this host", finding.found)
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        monkeypatch.setenv("PACKSHOT_RAY_ADDRESS", address)
        [finding] = check_engine_pool()
        assert finding.found.endswith(f"the cluster at {address} answers")
    [finding] = check_engine_pool()
    assert (finding.state, finding.found.startswith(f"No Ray cluster answers at '{address}'")) == ("failed", True)


def test_the_disk_of_a_store_is_the_one_that_its_folder_is_on(tmp_path: Path) -> None:
    folder = tmp_path / "a shop's store"
    folder.mkdir()
    [disk] = [each for each in run_checks(str(folder), None, ()) if each.name == "disk: store"]
    assert disk.found.endswith(f" GB free at {folder}")


def test_what_cannot_be_a_store_or_a_model_is_bad_input() -> None:
    with pytest.raises(InvalidStoreAddress):
        run_checks("s3://ada:sesame@bucket", None, ())
    with pytest.raises(OptionError, match="--model: 'some/model' is no folder here"):
        run_checks(None, "some/model", ())


def test_a_model_that_was_not_downloaded_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    model: Any = next(each for each in run_checks(None, f"a/model@{'0' * 40}", ()) if each.name == "model")
    assert (model.state, model.found) == ("warning", "a/model is not in the model cache")


# Who signs


def found_under(
    check: Callable[[], Sequence[DiagnosticFinding]], monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, object]
) -> tuple[str, str]:
    for name, value in settings.items():
        monkeypatch.setenv(f"PACKSHOT_{name.upper()}", str(value))
    [finding] = check()
    return finding.state, finding.found


def signing(monkeypatch: pytest.MonkeyPatch, **settings: object) -> tuple[str, str]:
    return found_under(check_signing, monkeypatch, settings)


def test_a_development_certificate_is_plainly_called_untrusted_and_not_made_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, said = signing(monkeypatch, c2pa_folder=tmp_path)
    assert (state, said) == (
        "warning",
        f"the first publishing makes a development certificate in {tmp_path}: untrusted",
    )
    assert list(tmp_path.iterdir()) == []
    until = development_identity(str(tmp_path)).expires
    state, said = signing(monkeypatch)
    assert (state, said) == ("warning", f"signing with the development certificate until {until:%Y-%m-%d}: untrusted")


@pytest.mark.parametrize(("days", "state"), [(300, "ok"), (20, "warning"), (-1, "failed")])
def test_a_certificate_of_the_shops_own_is_warned_of_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    certificate, key = write_identity(tmp_path, new_identity(ends=timedelta(days=days)))
    found, said = signing(monkeypatch, c2pa_certificate=certificate, c2pa_key=key)
    assert found == state
    assert (f"signing as {FOREIGN_ORGANIZATION}" in said) == (days > 0)


def test_a_key_that_is_missing_or_switched_off_signing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, said = signing(monkeypatch, c2pa_certificate=tmp_path / "chain.pem")
    assert (state, "PACKSHOT_C2PA_KEY is not set" in said) == ("failed", True)
    state, said = signing(monkeypatch, c2pa_key=tmp_path / "key.pem")
    assert (state, "cannot be read" in said) == ("failed", True)
    assert signing(monkeypatch, c2pa="0") == ("warning", "published files are not signed")


# Which key tags staged work


def integrity(monkeypatch: pytest.MonkeyPatch, **settings: object) -> tuple[str, str]:
    return found_under(check_integrity_key, monkeypatch, settings)


def test_the_key_that_signs_is_named_by_its_id_and_not_made_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "packshot" / "integrity" / "keys"
    assert integrity(monkeypatch) == ("ok", f"the first run makes an integrity key in {path}")
    assert list(tmp_path.iterdir()) == []
    keys = open_integrity_keys(Settings())
    assert keys is not None
    signs = f"key {keys.ids[0]} of {path} signs staged work"
    assert integrity(monkeypatch) == ("ok", f"{signs}; hosts that share a store need the same")
    path.chmod(0o644)
    assert integrity(monkeypatch) == ("warning", f"{signs}; others can read it")


def test_rotated_keys_are_all_named_and_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = IntegrityKeys([b"a" * 64, b"b" * 64]).ids
    state, found = integrity(monkeypatch, integrity_key=f"{'a' * 64},{'b' * 64}")
    assert (state, "aaaa" in found or "bbbb" in found) == ("ok", False)
    assert found.startswith(f"key {ids[0]} of PACKSHOT_INTEGRITY_KEY signs staged work; accepted too: {ids[1]}")


def test_a_key_that_cannot_be_used_or_is_switched_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, found = integrity(monkeypatch, integrity_key_file=tmp_path / "none")
    assert (state, "there is no file" in found) == ("failed", True)
    state, found = integrity(monkeypatch, integrity_key="short")
    assert (state, "PACKSHOT_INTEGRITY_KEY: Integrity key 1 has 5 characters" in found) == ("failed", True)
    assert integrity(monkeypatch, integrity="0") == ("warning", "stored work is believed as it lies")


# Scanners


def scanners(policy: str) -> dict[str, tuple[str, str]]:
    findings = check_scanners(load_policy(f"extends: default\n{policy}", "shop.yaml"))
    return {finding.name.removeprefix("scanner: "): (finding.state, finding.found) for finding in findings}


def test_a_scanner_that_is_not_here_is_as_bad_as_the_policy_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    found = scanners("required: [words, nudity]\noptional: [text]")
    assert {name: state for name, (state, _) in found.items()} == {
        "explicit": "ok",
        "nudity": "failed",
        "text": "warning",
        "logos": "ok",
    }
    assert "AGPL-3.0; required in the policy; not here" in found["nudity"][1]
    assert "to use it: `pip install 'packshot[ocr]'`, and name it in a policy" in found["logos"][1]


def test_a_library_with_a_mark_that_cannot_be_found_is_said_so(tmp_path: Path) -> None:
    draw_logo(3).save(tmp_path / "Acme.png")
    assert scanners(f"required: [logos]\nlogos: {{library: {str(tmp_path)!r}}}")["logos"][0] == "ok"
    Image.new("RGB", (99, 99)).save(tmp_path / "Dot.png")
    assert scanners(f"required: [logos]\nlogos: {{library: {str(tmp_path)!r}}}")["logos"] == (
        "warning",
        "too plain to be found: Dot",
    )
