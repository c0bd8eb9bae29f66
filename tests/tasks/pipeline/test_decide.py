"""Decisions on slots, from the attempts of a run and near duplicates within the run and among what is live."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.models.weights import ModelProvenance
from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.planning.sharding import request_table
from catalogs.policy.schema import ImageRule, built_in_policy
from catalogs.table_schemas import DEFERRALS, RECORDS, RENAMED_SLOTS, REPLACED_SLOTS, RETIRED_SLOTS, SLOTS
from catalogs.thresholds import Thresholds
from catalogs.verdict import Verdict
from infra.imaging.codecs import decode, pixel_sha
from infra.stores.parquet_objects import read_table, write_table
from tasks.pipeline.decide import DecisionResult, decide
from tests.fixtures.run_rows import RUN_ID, Row, attempt_row, make_request, planned_slot_row, write_plan, write_records
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of, request_key_of

FIRST, SECOND = sorted(("one", "two"), key=request_key_of)
"""Two words in the order in which their pictures are compared: the second gives way."""
MAKERS = {**RECIPE.provenance_by_name, "stub": ModelProvenance("stub@0", "card/2", "fp32")}
VIEWS = [planned_slot_row("shirt/front", FIRST), planned_slot_row("shirt/side", SECOND)]


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def decided(scenario: StoreScenario, stopped: str | None = None) -> DecisionResult:
    return decide(scenario.store, scenario.tables, CATALOGUE, RUN_ID, built_in_policy(), MAKERS, stopped)


def rows_of(found: DecisionResult) -> list[Row]:
    assert found.batch is not None
    return list(found.batch.to_pylist())


def states(found: DecisionResult) -> list[tuple[str, list[str], int | None]]:
    return [(row["state"], row["reasons"], row["attempt"]) for row in rows_of(found)]


def write(
    scenario: StoreScenario, slots: Sequence[Row], words: Sequence[str], rows: Sequence[Row], allowed: int = 2
) -> None:
    slots = [slot | {"attempts_allowed": allowed} for slot in slots]
    write_plan(scenario.store, slots, [make_request(word, attempts_allowed=allowed) for word in words])
    write_records(scenario.store, {"0-000000": rows})


def test_a_refused_prompt_ends_its_slot_without_an_image(scenario: StoreScenario) -> None:
    refused = {"gun": Verdict("BLOCK", ("words.weapons",)), "nude": Verdict("REVIEW", ("words.nudity",))}
    requests = [make_request(word, verdict=verdict) for word, verdict in refused.items()]
    write_plan(scenario.store, [planned_slot_row(f"{word}/front", word) for word in refused], requests, part="refused")
    rows = rows_of(decided(scenario))
    assert [(row["state"], row["verdict"], row["reasons"]) for row in rows] == [
        ("blocked", "BLOCK", ["words.weapons"]),
        ("review", "REVIEW", ["words.nudity"]),
    ]
    assert [(row["image_key"], row["attempts_spent"], row["model"]) for row in rows] == [(None, 0, "stub@0")] * 2
    assert {(row["model_version"], row["precision"], row["backend"]) for row in rows} == {("card/2", "fp32", None)}


def test_each_slot_gets_the_end_of_its_request(scenario: StoreScenario) -> None:
    words = ("fine", "blurred", "broken", "unmade")
    made = [
        attempt_row("fine"),
        attempt_row("blurred", 0, "BLOCK", again=True),
        attempt_row("blurred", 1, "REVIEW"),
        attempt_row("broken", 0, "BLOCK", made="failed", reasons=["engine-failed"], finished_sha=b""),
    ]
    slots = [planned_slot_row(f"{word}/front", word) for word in words]
    write(scenario, [*slots, planned_slot_row("fine/side", "fine")], words, made)
    found = decided(scenario)
    assert states(found) == [
        ("publish", [], 0),
        ("review", ["blurred"], 1),
        ("failed", ["engine-failed"], 0),
        ("deferred", ["not-made"], None),
        ("publish", [], 0),
    ]
    rows = rows_of(found)
    assert [row["attempts_spent"] for row in rows] == [1, 2, 1, 0, 1]
    assert rows[0]["image_key"] == rows[4]["image_key"] == made[0]["image_key"]
    assert [rows[2][name] for name in ("image_key", "finished_sha")] == [None, None]


def test_a_slot_repeats_what_refused_it_said_itself_and_no_secret(
    scenario: StoreScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "sesame-open-9")
    ocr = '{"ocr": "it has no network", "pixels": "Boom \\u001b[2J sesame-open-9 at http://a:b@c/?q=1"}'
    made = [
        attempt_row("broken", 0, "BLOCK", made="failed", reasons=["engine-failed"], errors='{"engine-failed": "Hot."}'),
        attempt_row("long", 0, "BLOCK", made="failed", reasons=["caption-too-long"],
                    errors='{"caption-too-long": "A caption has 1,008 tokens."}'),
        attempt_row("unseen", 0, "REVIEW", reasons=["scanner-failed.pixels"], errors=ocr),
        attempt_row("blurred", 0, "BLOCK", reasons=["blurred"], errors=ocr),
        attempt_row("fine", errors=ocr),
    ]  # fmt: skip
    words = ("broken", "long", "unseen", "blurred", "fine")
    write(scenario, [planned_slot_row(f"{word}/front", word) for word in words], words, made)
    rows = rows_of(decided(scenario))
    assert [row["state"] for row in rows] == ["failed", "blocked", "review", "blocked", "publish"]
    assert [row["sentence"] for row in rows] == [
        "engine-failed: Hot.", "caption-too-long: A caption has 1,008 tokens.",
        "pixels: Boom \\x1b[2J [SHOP_TOKEN] at http://…@c/?…", None, None,
    ]  # fmt: skip
    assert rows[1]["image_key"] is None, "so it waits as a prompt that was refused does"


def test_a_slot_names_the_model_and_backend_of_its_image(scenario: StoreScenario) -> None:
    made = [attempt_row("fine", 0, "BLOCK", again=True, backend="torch"), attempt_row("fine", 1, backend="tensorrt"),
            attempt_row("found", made="reused", backend=None)]  # fmt: skip
    write(
        scenario, [planned_slot_row("a/front", "fine"), planned_slot_row("b/front", "found")], ["fine", "found"], made
    )
    rows = rows_of(decided(scenario))
    assert [(row["model"], row["model_version"], row["precision"], row["backend"]) for row in rows] == [
        ("stub@0", "card/2", "fp32", "tensorrt"), ("stub@0", "card/2", "fp32", None),
    ]  # fmt: skip


def test_a_slot_of_another_model_is_not_served_by_the_image_of_a_shared_request(scenario: StoreScenario) -> None:
    other = planned_slot_row("copy/front", "fine", verdict="REVIEW", reasons=["brand.other"])
    write(scenario, [planned_slot_row("own/front", "fine"), other], ["fine"], [attempt_row("fine")])
    held = make_request("fine", verdict=Verdict("REVIEW", ("brand.other",)))
    write_table(scenario.store, layout.RunFiles(RUN_ID).requests("refused"), request_table([held], ""))
    assert states(decided(scenario)) == [("publish", [], 0), ("review", ["brand.other"], None)]


def test_a_slot_gives_its_own_reasons_beside_its_prompts(scenario: StoreScenario) -> None:
    drugs = Verdict("BLOCK", ("words.drugs",))
    slots = [planned_slot_row("copy/front", "fine", verdict="REVIEW", reasons=["brand.other"])]
    write_plan(scenario.store, slots, [make_request("fine", verdict=drugs)])
    assert states(decided(scenario)) == [("blocked", ["brand.other", "words.drugs"], None)]


def test_two_views_alike_ask_for_another_and_after_it_the_batch_is_decided(scenario: StoreScenario) -> None:
    first = [attempt_row(FIRST, appearance="same"), attempt_row(SECOND, appearance="same")]
    write(scenario, VIEWS, [FIRST, SECOND], first)
    asked = decided(scenario)
    assert asked.batch is None
    assert [(order.request.key, order.attempt) for order in asked.retry_items] == [(request_key_of(SECOND), 1)]
    write_records(scenario.store, {"again": [attempt_row(SECOND, 1, appearance="another")]})
    assert states(decided(scenario)) == [("publish", [], 0), ("publish", [], 1)]
    write_records(scenario.store, {"again": [attempt_row(SECOND, 1, appearance="same")]})
    assert states(decided(scenario)) == [("publish", [], 0), ("blocked", ["view-not-distinct"], 1)]


def test_a_view_too_like_another_is_blocked_where_no_attempt_is_left(scenario: StoreScenario) -> None:
    write(
        scenario,
        VIEWS,
        [FIRST, SECOND],
        [attempt_row(FIRST, appearance="same"), attempt_row(SECOND, appearance="same")],
        allowed=1,
    )
    assert states(decided(scenario)) == [("publish", [], 0), ("blocked", ["view-not-distinct"], 0)]


def copy_of_red(scenario: StoreScenario) -> None:
    """Let a live picture of the mug be red, and plan a shirt that looks like it."""
    scenario.release("r0", {"mug/front": "red"})
    scenario.write_fingerprints("r0", {"mug/front": "red"})
    write(
        scenario, [planned_slot_row("shirt/front", "one")], ["one"], [attempt_row("one", appearance="red")], allowed=1
    )


def test_a_live_image_of_another_sku_blocks_its_copy(scenario: StoreScenario) -> None:
    copy_of_red(scenario)
    assert states(decided(scenario)) == [("blocked", ["duplicate-near"], 0)]


def test_an_image_that_the_manifest_no_longer_shows_blocks_no_slot(scenario: StoreScenario) -> None:
    copy_of_red(scenario)
    scenario.release("r1", {"mug/front": "blue"})
    assert states(decided(scenario)) == [("publish", [], 0)]


@pytest.mark.parametrize("moving", ["replaced", "retired"])
def test_an_image_that_the_run_removes_blocks_no_slot(scenario: StoreScenario, moving: str) -> None:
    copy_of_red(scenario)
    mug = planned_slot_row("mug/front", "two", kind="changed")
    if moving == "replaced":
        made = [attempt_row("one", appearance="red"), attempt_row("two")]
        write(scenario, [planned_slot_row("shirt/front", "one"), mug], ["one", "two"], made, allowed=1)
    else:
        gone = {"slot_id": mug["slot_id"], "sku": "mug", "live_file_sha": None}
        write_table(scenario.store, layout.RunFiles(RUN_ID).retired, pa.Table.from_pylist([gone], RETIRED_SLOTS))
    assert states(decided(scenario))[0] == ("publish", [], 0)


def test_the_order_of_the_record_files_does_not_matter(scenario: StoreScenario) -> None:
    rows = [
        [attempt_row(FIRST, appearance="same"), attempt_row("plain", 1)],
        [attempt_row(SECOND, 1, appearance="another"), attempt_row("plain", 0, "BLOCK")],
        [attempt_row(SECOND, appearance="same")],
    ]
    write_plan(
        scenario.store,
        [*VIEWS, planned_slot_row("mug/front", "plain")],
        [make_request(word) for word in (FIRST, SECOND, "plain")],
    )
    write_records(scenario.store, dict(zip("abc", rows, strict=True)))
    one = decided(scenario)
    write_records(scenario.store, dict(zip("cab", rows, strict=True)))
    other = decided(scenario)
    assert rows_of(one) == rows_of(other)
    assert states(one) == [("publish", [], 0), ("publish", [], 1), ("publish", [], 1)]


def test_what_the_plan_left_out_is_deferred_for_the_plans_reason(scenario: StoreScenario) -> None:
    words = ("one", "two", "three")
    write(scenario, [planned_slot_row(f"{word}/front", word) for word in words], words, [attempt_row("one")])
    codes = pa.table([["0-000000"], [b"\x00\x01\x03"]], schema=DEFERRALS)
    write_table(scenario.store, layout.RunFiles(RUN_ID).deferrals, codes)
    found = [(row["state"], row["reasons"], row["attempts_spent"]) for row in rows_of(decided(scenario))]
    assert found == [("publish", [], 1), ("deferred", ["over-budget"], 0), ("deferred", ["past-deadline"], 0)]


def test_a_run_that_was_stopped_defers_what_it_did_not_make_and_what_is_owed_another_attempt(
    scenario: StoreScenario,
) -> None:
    words = ("fine", "owed", "spent", "unmade")
    rows = [
        attempt_row("fine"),
        attempt_row("owed", verdict="BLOCK", again=True),
        attempt_row("spent", verdict="BLOCK"),
    ]
    write(scenario, [planned_slot_row(f"{word}/front", word) for word in words], words, rows)
    found = {
        row["sku"]: (row["state"], row["reasons"], row["attempts_spent"]) for row in rows_of(decided(scenario, "late"))
    }
    assert found == {
        "fine": ("publish", [], 1),
        "owed": ("deferred", ["late"], 1),
        "spent": ("blocked", ["blurred"], 1),
        "unmade": ("deferred", ["late"], 0),
    }


def test_a_run_that_was_stopped_orders_no_last_wave(scenario: StoreScenario) -> None:
    write(scenario, VIEWS, (FIRST, SECOND), [attempt_row(FIRST), attempt_row(SECOND, appearance=f"{FIRST} 0")])
    assert decided(scenario).batch is None, "another seed may tell the two apart"
    assert sorted(states(decided(scenario, "late"))) == [("deferred", ["late"], None), ("publish", [], 0)]


LAX_AND_STRICT = built_in_policy().model_copy(
    update={
        "image": (
            ImageRule(
                score="blur.foreground",
                reason="blurred",
                block_below=5,
                again=True,
                categories={"lax": Thresholds(block_below=None)},
            ),
        )
    }
)
"""Blurred images are blocked, and tried again, but for the category `lax`."""


def blurred(number: int, score: float, **changes: object) -> Row:
    """Return an attempt at "one" that the default thresholds judge, as screening does."""
    verdict = "PASS" if score >= 5 else "BLOCK"
    return attempt_row("one", number, verdict, scores=f'{{"blur.foreground": {score}}}', again=score < 5, **changes)


def decided_for(scenario: StoreScenario, categories: Sequence[str], *made: Row, first: str, allowed: int = 2) -> Any:
    """Decide slots of these categories that share one request, screened for the category `first`."""
    slots = [
        planned_slot_row(f"{category or 'other'}/front", "one", category=category, attempts_allowed=allowed)
        for category in categories
    ]
    write_plan(scenario.store, slots, [make_request("one", category=first, attempts_allowed=allowed)])
    write_records(scenario.store, {"0-000000": made})
    return decide(scenario.store, scenario.tables, CATALOGUE, RUN_ID, LAX_AND_STRICT, MAKERS)


@pytest.mark.parametrize("categories", [("lax", "strict"), ("strict", "lax"), ("", "lax", "strict")])
def test_a_shared_image_is_judged_by_the_category_of_each_slot(
    scenario: StoreScenario, categories: tuple[str, ...]
) -> None:
    """A2: the order of the rows decided for both; strict was published behind lax."""
    found = decided_for(scenario, categories, blurred(0, 4), first=categories[0], allowed=1)
    by_category = {row["category"]: (row["state"], row["reasons"]) for row in rows_of(found)}
    assert by_category == {
        category: ("publish", []) if category == "lax" else ("blocked", ["blurred"]) for category in categories
    }


def test_a_category_that_refuses_has_another_attempt_and_the_other_keeps_the_first(scenario: StoreScenario) -> None:
    first = blurred(0, 4) | {"verdict": "PASS", "reasons": [], "again": False}  # as screened for lax
    asked = decided_for(scenario, ("lax", "strict"), first, first="lax")
    assert asked.batch is None
    assert [(item.attempt, item.request.category) for item in asked.retry_items] == [(1, "")]
    found = decided_for(scenario, ("lax", "strict"), first, blurred(1, 6), first="lax")
    assert states(found) == [("publish", [], 0), ("publish", [], 1)]
    spent = decided_for(scenario, ("lax", "strict"), first, blurred(1, 3) | {"again": False}, first="lax")
    assert states(spent) == [("publish", [], 0), ("blocked", ["blurred"], 1)]


def test_an_image_that_was_not_measured_is_refused_to_every_category(scenario: StoreScenario) -> None:
    failed = attempt_row("one", 0, "REVIEW", reasons=["scanner-failed.pixels"], scores="{}")
    found = decided_for(scenario, ("lax", "strict"), failed, first="lax")
    assert states(found) == [("review", ["scanner-failed.pixels"], 0)] * 2


@pytest.mark.parametrize("order", [(1, 3), (3, 1)])
def test_a_shared_image_has_as_many_attempts_as_the_most_patient_of_its_slots(
    scenario: StoreScenario, order: tuple[int, int]
) -> None:
    """A2: the tier of the first row decided how many attempts all slots had."""
    slots = [planned_slot_row(f"mug-{allowed}/front", "one", attempts_allowed=allowed) for allowed in order]
    write_plan(scenario.store, slots, [make_request("one", attempts_allowed=order[0])])
    write_records(scenario.store, {"0-000000": [blurred(0, 4) | {"again": order[0] > 1}]})
    asked = decide(scenario.store, scenario.tables, CATALOGUE, RUN_ID, LAX_AND_STRICT, MAKERS)
    found = [(item.attempt, item.request.attempts_allowed) for item in asked.retry_items]
    # An attempt that screening knows of is its own business: it asks for it at once.
    assert (asked.batch is None, found) == ((True, [(1, 3)]) if order[0] == 1 else (False, []))


def pixels_of(word: str) -> bytes:
    return bytes.fromhex(pixel_sha(decode(jpeg_of(word))))


def live_and_changed(scenario: StoreScenario, refusal: Row) -> None:
    """Let the mug be live in red, its change be refused in some way, and a new shirt look like the live mug."""
    scenario.release("r0", {"mug/front": "red"})
    scenario.write_fingerprints("r0", {"mug/front": "red"})
    (live,) = scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    mug = planned_slot_row("mug/front", "two", kind="changed", live_file_sha=live["file_sha"])
    made = [attempt_row("one", appearance="red"), *refusal.pop("made", [])]
    write(scenario, [planned_slot_row("shirt/front", "one"), mug | refusal], ["one", "two"], made, allowed=1)


REFUSALS: dict[str, Row] = {
    "by its prompt": {"verdict": "REVIEW", "reasons": ["brand.other"]},
    "by its image": {"made": [attempt_row("two", 0, "REVIEW")]},
    "by the engine": {"made": [attempt_row("two", 0, "BLOCK", made="failed", reasons=["engine-failed"])]},
    "by the budget": {},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_an_image_whose_replacement_is_refused_stays_live_and_blocks_its_copy(
    scenario: StoreScenario, refusal: Row
) -> None:
    """A7: pictures of all planned slots were out of the comparison, and both were live with equal pixels."""
    live_and_changed(scenario, dict(refusal))
    shirt, mug = rows_of(decided(scenario))
    assert (shirt["state"], shirt["reasons"]) == ("blocked", ["duplicate-near"])
    assert shirt["collides_with"] == pixels_of("red")
    assert mug["state"] != "publish"


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("moved", ["replaced", "renamed"])
def test_an_image_under_another_id_whose_replacement_is_refused_blocks_its_copy(
    scenario: StoreScenario, refusal: Row, moved: str
) -> None:
    """A7 and A11: the image of the variant before, or of the SKU read as an exponent, was out of the comparison."""
    live_and_changed(scenario, dict(refusal))
    (live,) = scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    files, mug = layout.RunFiles(RUN_ID), slot_id("mug", "front", "b", 0)
    slots = read_table(scenario.store, files.slots, SLOTS).to_pylist()
    slots[1] |= {"slot_id": mug, "live_file_sha": None}
    write_table(scenario.store, files.slots, pa.Table.from_pylist(slots, schema=SLOTS))
    row = {"slot_id": mug, "sku": "mug", "live_slot_id": live["slot_id"], "live_file_sha": live["file_sha"]}
    key, schema = (files.replaced, REPLACED_SLOTS) if moved == "replaced" else (files.renamed, RENAMED_SLOTS)
    write_table(scenario.store, key, pa.Table.from_pylist([row], schema=schema))
    assert [row["state"] == "publish" for row in rows_of(decided(scenario))] == [False, False]
    slots[1] |= {"verdict": "PASS"}
    write_table(scenario.store, files.slots, pa.Table.from_pylist(slots, schema=SLOTS))
    write_records(scenario.store, {"0-000000": [attempt_row("one", appearance="red"), attempt_row("two")]})
    assert [row["state"] for row in rows_of(decided(scenario))] == ["publish", "publish"], "red goes with this batch"


def test_an_image_that_stays_for_its_likeness_is_compared_in_a_further_round(scenario: StoreScenario) -> None:
    """A7: mug's change resembles a live hat, so mug keeps red; only then is shirt, in red too, known to be a copy."""
    scenario.release("r0", {"mug/front": "red", "hat/front": "green"})
    scenario.write_fingerprints("r0", {"mug/front": "red", "hat/front": "green"})
    live = {row["sku"]: row["file_sha"] for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()}
    mug = planned_slot_row("mug/front", "two", kind="changed", live_file_sha=live["mug"])
    made = [attempt_row("one", appearance="red"), attempt_row("two", appearance="green")]
    write(scenario, [planned_slot_row("shirt/front", "one"), mug], ["one", "two"], made, allowed=1)
    found = rows_of(decided(scenario))
    assert [(row["sku"], row["state"], row["reasons"]) for row in found] == [
        ("shirt", "blocked", ["duplicate-near"]),
        ("mug", "blocked", ["duplicate-near"]),
    ]
    assert [row["collides_with"] for row in found] == [pixels_of("red"), pixels_of("green")]


def test_an_image_is_not_compared_with_the_one_that_it_replaces(scenario: StoreScenario) -> None:
    """The mug's own change resembles the live mug: with a shirt that is refused, it would else refuse itself."""
    scenario.release("r0", {"mug/front": "red", "hat/front": "green"})
    scenario.write_fingerprints("r0", {"mug/front": "red", "hat/front": "green"})
    live = {row["sku"]: row["file_sha"] for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()}
    mug = planned_slot_row("mug/front", "two", kind="changed", live_file_sha=live["mug"])
    hat = planned_slot_row("hat/front", "one", kind="changed", live_file_sha=live["hat"])
    made = [attempt_row("one", 0, "REVIEW"), attempt_row("two", appearance="red")]
    write(scenario, [hat, mug], ["one", "two"], made, allowed=1)
    assert states(decided(scenario)) == [("review", ["blurred"], 0), ("publish", [], 0)]


def test_without_codes_a_copy_of_a_live_image_is_blocked_all_the_same_and_the_report_says_so(
    scenario: StoreScenario,
) -> None:
    """A7: with `codes/` swept or lost the copy was published, without a warning."""
    copy_of_red(scenario)
    record = pa.Table.from_pylist([attempt_row("red", finished_sha=pixels_of("red"), appearance="red")], schema=RECORDS)
    write_table(scenario.store, layout.RunFiles("r0").record("s"), record)
    scenario.store.delete([info.key for info in scenario.store.list(layout.fingerprints_prefix(CATALOGUE))])
    found = decided(scenario)
    assert states(found) == [("blocked", ["duplicate-near"], 0)]
    (warning,) = found.warnings
    assert warning.startswith("1 × a live image had no fingerprint under codes/")
    assert decided(scenario).warnings == []


def test_a_photo_that_is_unfit_blocks_its_slot_and_a_cutter_that_fails_is_tried_again(scenario: StoreScenario) -> None:
    blocked = {"small": "photo.too-small", "empty": "mask.empty", "stage": "stage.too-small"}
    codes = {**blocked, "lost": "photo.lost", "gone": "stage.lost", "cutter": "cutter-failed"}
    made = [
        attempt_row(word, 0, "BLOCK", made="failed", reasons=[code], finished_sha=b"", errors=f'{{"{code}": "So."}}')
        for word, code in codes.items()
    ]
    write(scenario, [planned_slot_row(f"{word}/front", word) for word in codes], list(codes), made)
    rows = rows_of(decided(scenario))
    assert {row["sku"]: row["state"] for row in rows} == {
        word: "blocked" if word in blocked else "failed" for word in codes
    }
    assert {row["sku"]: row["sentence"] for row in rows} == {word: f"{code}: So." for word, code in codes.items()}


def test_an_image_that_no_model_made_names_a_photo_and_what_was_kept(scenario: StoreScenario) -> None:
    words = ("fine", "broken")
    requests = [make_request(word, model=KEPT_MODEL, kept="{}") for word in words]
    write_plan(scenario.store, [planned_slot_row(f"{word}/front", word) for word in words], requests)
    rows = [attempt_row("fine", kept="{}"), attempt_row("broken", 0, "BLOCK", reasons=["kept.broken"], kept="{}")]
    write_records(scenario.store, {"0-000000": rows})
    fine, broken = rows_of(decided(scenario))
    assert [fine[name] for name in ("state", "model", "model_version", "precision", "kept")] == [
        "publish", "photo", None, "", "{}",
    ]  # fmt: skip
    assert (broken["state"], broken["reasons"]) == ("blocked", ["kept.broken"])
