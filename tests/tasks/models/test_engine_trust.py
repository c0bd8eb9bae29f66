"""A tag covers the whole card, is one host's or one key's, and outlives a card's next field."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalogs.models.engine_artifacts import EngineArtifact, StoredFile, parse_engine_facts
from infra.errors import IntegrityKeyError
from infra.settings import Settings
from tasks.models.engine_trust import EngineTrust, open_engine_trust
from tests.fixtures.engine_artifacts import PASSED_PARITY, STRANGER, TRUST, build_manifest


def artifact() -> EngineArtifact:
    document = build_manifest()
    return EngineArtifact(
        model="turbo", version=3, state="ready", by="gpu-1", added_at=datetime(2026, 11, 29, 12, 0, 0, 5, tzinfo=UTC),
        facts=parse_engine_facts(document), files=(StoredFile(path="a", bytes=1, sha256="c" * 64),),
        parity=PASSED_PARITY, document=document,
    )  # fmt: skip


def test_s4_a_tag_holds_after_the_way_through_the_store_for_holders_of_the_key_alone() -> None:
    read_back = EngineArtifact.model_validate_json(TRUST.with_tag(artifact()).model_dump_json())
    assert TRUST.refusal(read_back) is None
    assert "no tag of a key that this host has" in (STRANGER.refusal(read_back) or "")
    assert "no tag of a key that this host has" in (TRUST.refusal(artifact()) or "")


def test_a_tag_is_what_it_was() -> None:
    """A field that a later version adds, left at its default, must not turn the engines of today into strangers."""
    assert TRUST.with_tag(artifact()).tag == TAG_OF_TODAY


TAG_OF_TODAY = "f516b0c5.3f181722ba3b309bfa4d593acf3f77474ccb72c894cf7994ceef15a0a3dfadbb"


def test_without_keys_and_by_the_setting_every_readable_card_is_believed() -> None:
    assert EngineTrust(None).refusal(artifact()) is None
    assert EngineTrust(None).with_tag(TRUST.with_tag(artifact())).tag is None
    assert EngineTrust(TRUST.keys, every_engine=True).refusal(artifact()) is None


def test_the_settings_say_whom_to_trust(tmp_path: Path) -> None:
    key = SecretStr("k" * 32)
    shared = open_engine_trust(Settings(integrity_key=key))
    assert open_engine_trust(Settings(integrity_key=key)).refusal(shared.with_tag(artifact())) is None
    own = open_engine_trust(Settings())
    assert own.refusal(shared.with_tag(artifact())) is not None
    assert own.refusal(own.with_tag(artifact())) is None
    assert open_engine_trust(Settings(trust_store_engines=True)).refusal(artifact()) is None
    assert open_engine_trust(Settings(integrity=False)).refusal(artifact()) is None
    with pytest.raises(IntegrityKeyError):
        open_engine_trust(Settings(integrity_key_file=str(tmp_path / "gone")))
