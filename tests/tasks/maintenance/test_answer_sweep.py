"""The sweep of answers: those of images that are live, refused or planned stay; the rest is forgotten and archived."""

from datetime import timedelta
from pathlib import Path

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from tasks.answers.answer_log import read_all_answers, read_answers, write_answer
from tasks.answers.answer_objects import list_answer_keys
from tasks.maintenance.answer_sweep import SWEEP_FOLDS_ABOVE
from tasks.maintenance.retention import RetentionRules
from tasks.maintenance.sweep import sweep
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def answer_about(scenario: StoreScenario, request_key: bytes, sku: str) -> Answer:
    target = ImageTarget(request_key, b"i" * 32, "f" * 64, b"p" * 32, sku=sku)
    return write_answer(scenario.store, CATALOGUE, Answer(AnswerKind.ACCEPT, "ada", scenario.store.now(), image=target))


def test_a_sweep_folds_and_forgets_the_answers_of_what_is_gone(tmp_path: Path) -> None:
    scenario = StoreScenario(tmp_path)
    scenario.release("r1", {"shirt/front": "red"})
    scenario.release("r2", {"shirt/front": "pink"})
    scenario.commit_outcome("o1", "mug/front", "blue", "review")
    manifest = scenario.tables.read(layout.manifest_table(CATALOGUE), ("request_key",)).to_pylist()
    [live] = {row["request_key"] for row in manifest}
    [waiting] = {row["request_key"] for row in scenario.outcomes().values()}
    kept = [answer_about(scenario, live, "shirt"), answer_about(scenario, waiting, "mug")]
    gone = [answer_about(scenario, bytes([number]) * 32, "gone") for number in range(SWEEP_FOLDS_ABOVE)]
    later = scenario.store.now() + timedelta(days=3)
    sweep(scenario.store, scenario.tables, RetentionRules(), dry_run=True, now=later, plan_wait_seconds=0)
    assert len(list_answer_keys(scenario.store, CATALOGUE)) == len(kept + gone)
    sweep(scenario.store, scenario.tables, RetentionRules(), plan_wait_seconds=0)
    assert list_answer_keys(scenario.store, CATALOGUE) == []
    assert list(read_answers(scenario.store, CATALOGUE)) == kept + gone, "they are younger than a day"
    sweep(scenario.store, scenario.tables, RetentionRules(), now=later, plan_wait_seconds=0)
    assert list(read_answers(scenario.store, CATALOGUE)) == kept
    assert list(read_all_answers(scenario.store, CATALOGUE)) == kept + gone
