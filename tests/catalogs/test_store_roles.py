"""Every prefix has an owner: who writes it, who deletes there; no role can do what the trust page rules out."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.retention_classes import RETENTION_CLASSES, RetentionClass
from catalogs.store_roles import STORE_ROLES, StoreRole, matches, pattern_of, store_role, writers_of

KEEPS_EVERYTHING = {"policies", "shop brands", "store version", "engines", "model versions", "photo index"}
"""Classes in which no sweep deletes a whole class."""


@pytest.mark.parametrize("kind", RETENTION_CLASSES, ids=lambda kind: kind.name)
def test_a_prefix_has_a_role_that_writes_it_and_one_that_deletes_there(kind: RetentionClass) -> None:
    assert list(writers_of(kind)), f"{kind.prefix} is written by no role: give it to one in catalogs/store_roles.py"
    deleters = [role.name for role in STORE_ROLES if pattern_of(kind) in role.deletes]
    assert bool(deleters) == (kind.name not in KEEPS_EVERYTHING - {"engines"}), deleters
    assert all(matches("*", key) for key in (kind.prefix, pattern_of(kind)))


def test_a_new_prefix_without_an_owner_is_found() -> None:
    assert not list(writers_of(RetentionClass("photos", "photos/", "photos", "never", "faces")))
    assert list(writers_of(RetentionClass("staged", layout.STAGING, "images", "some day", "faces"))) == [
        "pipeline",
        "gpu-worker",
        "screening-worker",
    ]


@pytest.mark.parametrize("role", STORE_ROLES, ids=lambda role: role.name)
def test_a_role_names_only_keys_of_the_layout_and_reads_what_it_writes(role: StoreRole) -> None:
    prefixes = tuple(kind.prefix for kind in RETENTION_CLASSES)
    for pattern in (*role.reads, *role.writes, *role.deletes):
        assert pattern == "*" or pattern.startswith(prefixes), pattern
    for pattern in role.writes:
        assert any(matches(read, pattern.replace("*", "x")) for read in role.reads), pattern


ANY = "ab" * 32


@pytest.mark.parametrize(
    ("key", "writers"),
    [
        (layout.published_image("c", "a", "front", "a", 0, ANY), {"pipeline"}),
        (layout.staged_image(ANY), {"pipeline", "gpu-worker"}),
        (layout.finished_image(ANY, ANY), {"pipeline", "screening-worker"}),
        (layout.scores(ANY, ANY, ANY), {"pipeline", "screening-worker"}),
        (layout.kept_document(ANY), {"pipeline", "screening-worker"}),
        (layout.source_photo(ANY, "jpg"), {"pipeline"}),
        (layout.cutout_mask(ANY, ANY), {"pipeline", "screening-worker"}),
        (layout.cutout_scores(ANY, ANY), {"pipeline", "screening-worker"}),
        (layout.photo_index("c"), {"pipeline"}),
        (layout.stage_image(ANY), {"pipeline"}),
        (layout.stage_change("shop", 1), {"pipeline", "sweeper", "reviewer"}),
        (layout.RunFiles("r").policy, {"pipeline"}),
        (layout.RunFiles("r").record("1"), {"pipeline", "screening-worker"}),
        (f"{layout.manifest_table('c')}/_delta_log/0.json", {"pipeline", "sweeper", "reviewer"}),
        (layout.policy_record("c", 1), {"pipeline"}),
        (layout.access_key("ab" * 8), {"key-keeper"}),
        (layout.access_log("2026-11-30", "s"), {"reviewer"}),
        (layout.model_change("m", 1), {"engine-builder"}),
        (layout.model_sample("m", "r"), {"pipeline"}),
        (layout.engine_artifact("m", 1), {"engine-builder"}),
        (f"{layout.engine_lease('m', 'd')}/1.json", {"pipeline", "sweeper", "engine-builder"}),
        (f"{layout.run_lease('c', 'r')}/1.json", {"pipeline", "sweeper"}),
        (layout.STORE_VERSION, {"pipeline", "sweeper"}),
    ],
)
def test_who_writes_a_key(key: str, writers: set[str]) -> None:
    assert {role.name for role in STORE_ROLES if any(matches(pattern, key) for pattern in role.writes)} == writers


def test_those_that_only_read_write_nothing_and_the_shop_sees_no_prompt() -> None:
    for name in ("shop-reader", "auditor"):
        assert (store_role(name).writes, store_role(name).deletes) == ((), ())
    seen = {kind.name for kind in RETENTION_CLASSES if pattern_of(kind) in store_role("shop-reader").reads}
    assert seen == {"published", "manifest"}


def test_an_unknown_role_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(OptionError, match=r"no role 'root'; there are pipeline, sweeper, .*, auditor"):
        store_role("root")


@given(pattern=st.text("ab/*.", max_size=8), key=st.text("ab/.", max_size=10))
def test_a_pattern_matches_as_a_shell_would_match_it(pattern: str, key: str) -> None:
    assert matches(pattern, key) == fnmatch.fnmatchcase(key, pattern)
