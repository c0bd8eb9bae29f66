"""No SKU leaves its folder, and no two share one."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import layout

SHA = "0123456789abcdef" * 4
FINISH = "fedcba9876543210" * 4
PLACE = re.compile(r"published/shoes/([a-z0-9-]{1,48})-[0-9a-f]{12}/[a-z0-9-]+-[a-z0-9-]+-\d+-[0-9a-f]{12}\.jpg")

HOSTILE = [
    "../../etc", "../../etc/passwd", "..", ".", "/", "\\\\server\\share", "C:\\windows", "\0", "A\0B", "A\nB",
    "\u202eB", "👟", "🎉🎉", "x" * 1000, "ß" * 1000, "%2e%2e%2f", "a/b", "a?b#c", "CON", "nul.txt", " ", "-",
    "--a--", "~root", "$(id)", "'; DROP TABLE", "湯呑み", "Ärmel", "\udc80",
]  # fmt: skip
TWINS = [
    ("mug", "MUG"), ("a b", "a-b"), ("a/b", "a-b"), ("\u00e9", "e"), ("👟", "👞"), ("ß", "ss"), ("x" * 60, "x" * 61),
    (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")), ("1.0", "10"), ("\0", ""),
]  # fmt: skip


def published(sku: str, view: str = "front", variant: str = "a", index: int = 0, sha: str = SHA) -> str:
    return layout.published_image("shoes", sku, view, variant, index, sha)


@pytest.mark.parametrize("sku", HOSTILE, ids=lambda sku: ascii(sku[:20]))
def test_a_hostile_sku_stays_in_its_folder(sku: str) -> None:
    assert PLACE.fullmatch(published(sku))


@given(sku=st.text(st.characters(), max_size=300))
def test_any_text_makes_a_safe_key(sku: str) -> None:
    key = published(sku)
    assert PLACE.fullmatch(key), key
    assert key.isascii()
    assert len(key) < 200


@pytest.mark.parametrize(("one", "other"), TWINS, ids=ascii)
def test_twins_have_folders_of_their_own_also_where_case_does_not_count(one: str, other: str) -> None:
    first, second = (published(sku).rsplit("/", 1)[0].casefold() for sku in (one, other))
    assert first != second


@given(skus=st.lists(st.text(st.characters(), max_size=30), min_size=2, max_size=8, unique=True))
def test_different_skus_never_share_a_folder(skus: list[str]) -> None:
    assert len({published(sku).rsplit("/", 1)[0].casefold() for sku in skus}) == len(skus)


def test_every_part_of_a_slot_and_the_file_itself_are_in_the_name() -> None:
    assert published("MUG-001") == "published/shoes/mug-001-e6fb4d5039ae/front-a-0-0123456789ab.jpg"
    others = [
        published("MUG-001", view="side"),
        published("MUG-001", variant="b"),
        published("MUG-001", index=1),
        published("MUG-001", sha=FINISH),
    ]
    assert len({published("MUG-001"), *others}) == 5


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (layout.staged_image(SHA), f"staging/01/{SHA}.png"),
        (layout.finished_image(SHA, FINISH), f"staging/01/{SHA}-fedcba987654.jpg"),
        (layout.scores(SHA, FINISH, SHA), f"scores/01/{SHA}-fedcba987654-0123456789ab.json"),
        (layout.kept_document(SHA), f"staging/01/{SHA}-kept.json"),
        (layout.source_photo(SHA, "jpg"), f"sources/01/{SHA}.jpg"),
        (layout.source_photo_prefix(SHA), f"sources/01/{SHA}."),
        (layout.cutout_mask(SHA, FINISH), f"cutouts/01/{SHA}-fedcba987654.png"),
        (layout.cutout_scores(SHA, FINISH), f"cutouts/01/{SHA}-fedcba987654.json"),
        (layout.photo_index("shoes"), "photo-index/shoes.parquet"),
        (layout.RunFiles("r1").requests("0-00001"), "runs/r1/requests/0-00001.parquet"),
        (layout.RunFiles("r1").record("1-000002"), "runs/r1/records/1-000002.parquet"),
        (layout.RunFiles("r1").records_prefix, "runs/r1/records/"),
        (layout.RunFiles("r1").published("0a1b"), "runs/r1/published/0a1b.parquet"),
        (layout.RunFiles("r1").published_prefix, "runs/r1/published/"),
        (layout.open_run("shoes", "r1"), "open/shoes/r1.json"),
        (layout.open_runs_prefix("shoes"), "open/shoes/"),
        (layout.open_runs_prefix(), "open/"),
        (layout.manifest_table("shoes"), "manifest/shoes"),
        (layout.outcomes_table("shoes"), "outcomes/shoes"),
        (layout.fingerprints("shoes", "r1"), "codes/shoes/r1.parquet"),
        (layout.person_decision("shoes", "r1", "release"), "decisions/shoes/r1-release.json"),
        (layout.full_lease("shoes"), "leases/shoes/full"),
        (layout.run_lease("shoes", "r1"), "leases/shoes/run-r1"),
        (layout.published_prefix("shoes"), "published/shoes/"),
        (layout.model_change("card", 3), "models/card/registry/00000003.json"),
        (layout.model_changes_prefix("card"), "models/card/registry/"),
        (layout.model_sample("card", "r1"), "models/card/samples/r1.json"),
        (layout.model_samples_prefix("card"), "models/card/samples/"),
        (layout.engine_file("turbo", 3, "transformer/config.pbtxt"), "engines/turbo/3/transformer/config.pbtxt"),
        (layout.engine_artifact("turbo", 3), "engines/turbo/3/card.json"),
        (layout.engine_versions_prefix("turbo"), "engines/turbo/"),
        (layout.engine_versions_prefix(), "engines/"),
        (layout.engine_failure("turbo", "0a1b"), "engines/turbo/failed-0a1b.json"),
        (layout.engine_lease("turbo", "0a1b"), "leases/engines.turbo/0a1b"),
    ],
)
def test_everything_has_the_place_that_stores_of_last_year_know(key: str, expected: str) -> None:
    assert key == expected


def test_prefixes_of_one_catalogue_do_not_reach_into_another_whose_name_goes_on() -> None:
    for prefix, key in (
        (layout.open_runs_prefix("shoe"), layout.open_run("shoes", "r")),
        (layout.fingerprints_prefix("shoe"), layout.fingerprints("shoes", "r")),
        (layout.published_prefix("shoe"), published("A")),
        (layout.RunFiles("r1").records_prefix, layout.RunFiles("r11").record("s")),
        (layout.model_changes_prefix("card"), layout.model_change("cards", 1)),
        (layout.model_samples_prefix("card"), layout.model_sample("cards", "r")),
        (layout.engine_versions_prefix("turbo"), layout.engine_artifact("turbo-2", 1)),
    ):
        assert not key.startswith(prefix)


def test_the_files_of_a_run_keep_their_names() -> None:
    assert vars(layout.RunFiles("r1")) == {
        "prefix": "runs/r1/",
        "shop_brands": "runs/r1/brands.json",
        "run": "runs/r1/run.json",
        "recipe": "runs/r1/recipe.json",
        "policy": "runs/r1/policy.json",
        "plan": "runs/r1/plan.json",
        "slots": "runs/r1/slots.parquet",
        "rejects": "runs/r1/rejects.parquet",
        "source_rows": "runs/r1/source_rows.parquet",
        "refreshed": "runs/r1/refreshed.parquet",
        "renamed": "runs/r1/renamed.parquet",
        "replaced": "runs/r1/replaced.parquet",
        "ended": "runs/r1/ended.parquet",
        "retired": "runs/r1/retired.parquet",
        "deferrals": "runs/r1/left_out.parquet",
        "requests_prefix": "runs/r1/requests/",
        "records_prefix": "runs/r1/records/",
        "batch": "runs/r1/batch.parquet",
        "published_prefix": "runs/r1/published/",
        "withdrawals": "runs/r1/withdrawals.parquet",
        "withheld": "runs/r1/withheld.parquet",
        "held": "runs/r1/held.json",
        "let_go": "runs/r1/let-go.json",
        "closed": "runs/r1/closed.json",
        "report": "runs/r1/report.json",
        "report_page": "runs/r1/report.html",
        "audit": "runs/r1/audit/result.json",
        "audit_page": "runs/r1/audit/index.html",
    }
