"""Every key has one retention class, and says what ends what lies there."""

import pytest

from catalogs import layout
from catalogs.retention_classes import NOTHING, OTHER, RETENTION_CLASSES, retention_class


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (layout.staged_image("ab" * 32), "staged"),
        (layout.kept_document("ab" * 32), "staged"),
        (layout.source_photo("ab" * 32, "jpg"), "sources"),
        (layout.cutout_mask("ab" * 32, "cd" * 32), "cutouts"),
        (layout.cutout_scores("ab" * 32, "cd" * 32), "cutouts"),
        (layout.photo_index("shoes"), "photo index"),
        (layout.stage_image("ab" * 32), "stages"),
        (layout.stage_change("shop", 1), "stages"),
        (layout.published_image("shoes", "a", "front", "a", 0, "ab" * 32), "published"),
        (layout.RunFiles("r1").report, "runs"),
        (layout.run_archive("2026-11", "x"), "run archive"),
        (layout.retention_watermark("shoes"), "sweeps"),
        (layout.STORE_SIZES, "sweeps"),
        (layout.open_run("shoes", "r1"), "open"),
        (layout.open_manifest_change("shoes", "r1"), "open amendments"),
        (layout.person_decision("shoes", "r1", "release"), "decisions"),
        (layout.purge_record("shoes", "x"), "purges"),
    ],
)
def test_a_key_has_its_class(key: str, name: str) -> None:
    assert retention_class(key).name == name


def test_classes_do_not_overlap_and_each_says_what_ends_it() -> None:
    for one in RETENTION_CLASSES:
        assert one.holds, one.name
        assert one.ends, one.name
        assert one.people, one.name
        others = [other for other in RETENTION_CLASSES if other is not one]
        assert not any(other.prefix.startswith(one.prefix) for other in others), one.name
    assert retention_class("readme.txt") is OTHER


def test_what_a_person_may_ask_to_be_gone_is_said_of_each_class() -> None:
    held = {one.name for one in RETENTION_CLASSES if one.people != NOTHING}
    assert held >= {"sources", "cutouts", "staged", "published", "review", "access log", "decisions", "manifest"}
    assert "scores" not in held
