"""Screening gives each image a verdict, and none passes without every required scanner."""

import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.policy.decisions import decide_prompt
from catalogs.policy.prompt_rules import PromptFindings
from catalogs.policy.schema import Policy, built_in_policy, load_policy
from catalogs.recipe.render_settings import Finish
from catalogs.runs.work_items import GeneratedImage, ShardWork, WorkItem
from catalogs.table_schemas import RECORDS
from catalogs.verdict import PASS, Verdict
from flows.wiring.preflight import resolve_scanners
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.imaging.codecs import encode_png
from infra.interfaces import Failure, ObjectStore, Screened, Screener, ScreeningRequest
from infra.screening.inline import InlineScreener
from infra.stores import open_store
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_screening import measure_or_fail
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.pipeline.generate import generate_on_engine
from tasks.pipeline.screen import evaluate_images, screen, summarize_attempts
from tasks.runs.resources import ScreeningContext
from tests.fixtures.run_rows import RUN_ID, make_request
from tests.fixtures.scanner_images import NEEDS_NUDENET, NEEDS_OCR, draw_logo, vase_image, with_logo

FINISH = Finish()


class SilentScreener:
    """A screener that answers nothing."""

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        yield from (Failure(order.key, "unheard") for order in requests[:0])

    def close(self) -> None:
        """Do nothing."""


class FailingScreener(SilentScreener):
    """A screener whose every measuring is killed."""

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        yield from (Failure(order.key, "it took longer than 60 s") for order in requests)


def screening_context(store: ObjectStore, screener: Screener | None = None) -> ScreeningContext:
    return ScreeningContext(store, screener or InlineScreener(store), built_in_policy(), {FINISH.digest: FINISH}, 60.0)


def made(store: ObjectStore, *prompts: str, attempt: int = 0, allowed: int = 2, size: int = 64) -> list[GeneratedImage]:
    settings = {"finish_digest": FINISH.digest, "attempts_allowed": allowed, "width": size, "height": size}
    requests = [make_request(prompt, **settings) for prompt in prompts]
    engine = open_engine(EngineSpec("stub"))
    try:
        return generate_on_engine(engine, ShardWork("s", tuple(WorkItem(one, attempt) for one in requests)), store)
    finally:
        engine.close()


def test_a_record_names_images_that_are_all_there() -> None:
    store = open_store("memory://screen-1")
    sums = screen("s", made(store, "a mug", "a shirt"), screening_context(store), RUN_ID)
    rows = read_table(store, layout.RunFiles(RUN_ID).record("s"), RECORDS).to_pylist()
    assert [(row["verdict"], row["reasons"], row["made"]) for row in rows] == [("PASS", [], "generated")] * 2
    for row in rows:
        key = row["image_key"].hex()
        assert store.exists(layout.staged_image(key))
        assert store.size(layout.finished_image(key, FINISH.digest)) == row["file_bytes"]
        assert (row["width"], row["height"], len(row["fingerprint"])) == (64, 64, 32)
    assert (sums.generated, sums.reused, sums.failed, dict(sums.verdicts), sums.retries) == (2, 0, 0, {"PASS": 2}, [])


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_crash_before_the_record_is_whole_leaves_the_images_and_no_record(dies_at: int) -> None:
    store = open_store("memory://screen-2")
    [image] = made(store, "a mug")
    dying = replace(screening_context(store), store=FaultyStore(store, FaultInjector(dies_at)))
    with pytest.raises(InjectedFault, match=layout.RunFiles(RUN_ID).record("s")):
        screen("s", [image], dying, RUN_ID)
    assert store.exists(layout.finished_image(image.item.image_key, FINISH.digest))
    assert not store.exists(layout.RunFiles(RUN_ID).record("s"))


@pytest.mark.parametrize("screener", [SilentScreener(), FailingScreener()])
def test_an_image_without_a_measurement_is_sent_to_review(screener: Screener) -> None:
    store = open_store("memory://screen-3")
    [one] = evaluate_images(made(store, "a mug"), screening_context(store, screener))
    assert (one.verdict.decision, one.needs_retry, one.finished_sha) == ("REVIEW", False, "")
    assert {"scanner-failed.pixels", "scanner-failed.fingerprint"} <= set(one.verdict.reasons)


def test_a_missing_staged_image_is_for_a_person_and_spares_its_shard() -> None:
    store = open_store("memory://screen-4")
    images = made(store, "a mug", "a shirt")
    store.delete([layout.staged_image(images[0].item.image_key)])
    screener = InlineScreener(store, measure_or_fail)
    assert [one.verdict.decision for one in evaluate_images(images, screening_context(store, screener))] == [
        "REVIEW",
        "PASS",
    ]


@pytest.mark.parametrize(("asked", "word"), [((64, 64), "PASS"), ((128, 128), "PASS"), ((64, 72), "BLOCK")])
def test_the_form_that_was_asked_for_is_compared_and_not_the_size(asked: tuple[int, int], word: str) -> None:
    store = open_store("memory://screen-9")
    [one] = made(store, "a mug")
    other = replace(one.item.request, width=asked[0], height=asked[1])
    [judged] = evaluate_images([replace(one, item=WorkItem(other, 0))], screening_context(store))
    assert judged.scores is not None
    assert judged.scores["aspect.off"] == pytest.approx(abs(asked[1] / asked[0] - 1))
    assert (judged.verdict.decision, "wrong-aspect" in judged.verdict.reasons) == (word, word == "BLOCK")


def test_an_engine_that_failed_blocks_its_image_and_is_not_asked_again() -> None:
    store = open_store("memory://screen-5")
    sums = screen("s", made(store, "a mug [poison]", "a mug", allowed=9), screening_context(store), RUN_ID)
    rows = read_table(store, layout.RunFiles(RUN_ID).record("s"), RECORDS).to_pylist()
    assert [(row["made"], row["verdict"], row["again"]) for row in rows] == [
        ("failed", "BLOCK", False),
        ("generated", "PASS", False),
    ]
    assert rows[0]["reasons"] == ["engine-failed"]
    assert json.loads(rows[0]["errors"]).keys() == {"engine-failed"}
    assert (sums.failed, sums.retries, dict(sums.reasons)) == (1, [], {"engine-failed": 1})


def test_an_image_that_was_set_aside_is_blocked_with_the_reason() -> None:
    store = open_store("memory://screen-aside")
    [one] = made(store, "a mug")
    [judged] = evaluate_images(
        [replace(one, origin="failed", failure_code="set-aside", failure_reason="3 engines died.")],
        screening_context(store),
    )
    assert (judged.verdict, judged.errors) == (Verdict("BLOCK", ("set-aside",)), {"set-aside": "3 engines died."})


@pytest.mark.parametrize(("attempt", "again"), [(0, [1]), (1, [2]), (2, [])])
def test_a_blank_image_is_tried_again_while_attempts_are_left(attempt: int, again: list[int]) -> None:
    store = open_store("memory://screen-6")
    judged = evaluate_images(made(store, "a mug [blank]", attempt=attempt, allowed=3), screening_context(store))
    assert judged[0].verdict.decision == "BLOCK"
    assert "blank" in judged[0].verdict.reasons
    assert [order.attempt for order in summarize_attempts("s", judged).retries] == again


def test_the_sums_are_over_all_images_of_the_shard() -> None:
    store = open_store("memory://screen-7")
    made(store, "a mug")
    sums = screen(
        "s", made(store, "a mug", "a shirt", "a bag [blank]", "a box [poison]"), screening_context(store), RUN_ID
    )
    assert (sums.reused, sums.generated, sums.failed) == (1, 2, 1)
    assert dict(sums.verdicts) == {"PASS": 2, "BLOCK": 2}
    assert sums.reasons["blank"] == sums.reasons["engine-failed"] == 1
    assert [order.request.prompt for order in sums.retries] == ["a bag [blank]"]
    assert sums.engine_seconds > 0


# Scanners that the policy names


def asking(text: str) -> Policy:
    return load_policy(f"extends: default\n{text}", "shop.yaml")


EVERY = ("words", "pixels", "fingerprint", "nudity", "text", "logos")


@NEEDS_NUDENET
@NEEDS_OCR
def test_removing_each_required_scanner_turns_pass_into_review() -> None:
    store = open_store("memory://screen-8")
    policy = asking(f"required: [{', '.join(EVERY)}]\nlogos: {{names: [Acme, Bolt]}}")
    here, missing = resolve_scanners(policy)
    assert here.keys() == {*EVERY} - {"words"}
    assert missing == {}
    images = made(store, "a mug")
    whole = replace(screening_context(store), policy=policy, scanners=here)
    assert [one.verdict for one in evaluate_images(images, whole)] == [PASS]
    for name in here:
        without = replace(whole, scanners={each: version for each, version in here.items() if each != name})
        [one] = evaluate_images(images, without)
        assert (name, one.verdict) == (name, Verdict("REVIEW", (f"scanner-missing.{name}",)))
    clean = decide_prompt(PromptFindings(), {"words": "1"}, {}, policy)
    assert (clean, decide_prompt(PromptFindings(), {}, {}, policy)) == (
        PASS,
        Verdict("REVIEW", ("scanner-missing.words",)),
    )


def test_a_required_scanner_that_is_not_installed_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    store = open_store("memory://screen-9")
    policy = asking("required: [words, pixels, fingerprint, nudity]\noptional: [text]")
    here, missing = resolve_scanners(policy)
    assert missing.keys() == {"nudity", "text"}
    judged = evaluate_images(
        made(store, "a mug", "a shirt"), replace(screening_context(store), policy=policy, scanners=here)
    )
    assert [one.verdict for one in judged] == [Verdict("REVIEW", ("scanner-missing.nudity",))] * 2


def test_an_optional_scanner_that_is_not_installed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    store = open_store("memory://screen-10")
    policy = asking("optional: [nudity, text]")
    here, _ = resolve_scanners(policy)
    [one] = evaluate_images(made(store, "a mug"), replace(screening_context(store), policy=policy, scanners=here))
    assert one.verdict == PASS


def test_another_version_or_another_scanner_is_measured_again() -> None:
    store = open_store("memory://screen-11")
    images = made(store, "a mug")
    usual = screening_context(store)
    for scanners in (usual.scanners, {**usual.scanners, "pixels": "another"}, {"pixels": usual.scanners["pixels"]}):
        evaluate_images(images, replace(usual, scanners=scanners))
        evaluate_images(images, replace(usual, scanners=scanners))
    assert len([*store.list("scores/")]) == 3


def test_a_brand_that_the_prompt_names_may_be_seen_and_another_may_not(tmp_path: Path) -> None:
    draw_logo(3).save(tmp_path / "Acme.png")
    store = open_store("memory://screen-12")
    policy = asking(f"required: [pixels, fingerprint, logos]\nlogos: {{library: {str(tmp_path)!r}}}")
    images = made(store, "a vase by Acme", "a vase", size=512)
    for one in images:
        store.write(
            layout.staged_image(one.item.image_key), encode_png(with_logo(vase_image(side=512), draw_logo(3), 160))
        )
    judged = evaluate_images(
        images, replace(screening_context(store), policy=policy, scanners=resolve_scanners(policy)[0])
    )
    assert [one.verdict for one in judged] == [PASS, Verdict("REVIEW", ("brand-mark",))]
    # What counts is kept: of the brand that is the vase's own there is nothing left to decide.
    assert ["logos.mark:Acme" in (one.scores or {}) for one in judged] == [False, True]


class StuckInTextScreener(SilentScreener):
    """A screener whose measuring is killed in the reading of text."""

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        yield from (Failure(order.key, "it took longer than 60 s", scanner="text") for order in requests)


def test_the_scanner_that_a_measuring_was_killed_in_is_named_even_where_it_is_optional() -> None:
    store = open_store("memory://screen-13")
    [one] = evaluate_images(made(store, "a mug"), screening_context(store, StuckInTextScreener()))
    assert one.verdict == Verdict("REVIEW", ("scanner-failed.text",))


def test_a_policy_that_requires_nothing_passes_nothing_unmeasured_either() -> None:
    store = open_store("memory://screen-14")
    lax = screening_context(store, SilentScreener()).policy.model_copy(update={"required": (), "image": ()})
    [one] = evaluate_images(made(store, "a mug"), replace(screening_context(store, SilentScreener()), policy=lax))
    assert one.verdict == Verdict("REVIEW", ("scanner-failed.fingerprint", "scanner-failed.pixels"))
