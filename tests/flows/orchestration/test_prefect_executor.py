"""The executor on Prefect does the work that threads do, and Prefect's server records it."""

import os
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.logging.handlers import APILogHandler
from pydantic import BaseModel

from catalogs.errors import OptionError
from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.orchestration.prefect_artifacts import refresh_run_name
from flows.orchestration.prefect_executor import PrefectExecutor
from infra.errors import UnexpectedError
from tests.fixtures.executor_work import NO_CONTEXT, run_all_kinds_of_work, shout_task
from tests.fixtures.prefect_stack import prefect_records
from tests.infra.test_visible_text import acts

HOSTILE = "\x1b[2J\u202e https://ada:hunter22@host.test/x?sig=hunter22 \nERROR forged"


def test_prefect_does_the_same_work_and_records_it(prefect_api: str) -> None:
    results: list[Any] = []

    @flow(name="executor", persist_result=False)
    def run() -> None:
        results.extend(run_all_kinds_of_work(PrefectExecutor()))

    run()
    assert results == [7, "A", 1, {"b": 2}]
    names = {record["name"] for record in prefect_records("flow_runs")}
    assert "part-1" in names


def test_what_a_shard_task_raises_comes_back_from_its_task_run(prefect_api: str) -> None:
    def run() -> None:
        with pytest.raises(OSError, match="the store is gone"):
            PrefectExecutor().submit_shard(shout_task, NO_CONTEXT, "bad").result()

    flow(name="failing", persist_result=False)(run)()


class HostileParameters(BaseModel):
    """What the flow below is asked."""

    source: str


@flow(name="hostile", flow_run_name=refresh_run_name, persist_result=False, validate_parameters=False)
@parameters_from_pydantic(HostileParameters)
def hostile_flow(asked: HostileParameters) -> None:
    """Fail as a library would: with a text of a stranger in it."""

    def fail() -> None:
        raise ZeroDivisionError(f"while reading {HOSTILE} {len(asked.source)}")

    PrefectExecutor().run_stage("failing", fail)


def test_s6_s8_what_prefect_keeps_of_a_failure_is_visible_and_holds_no_secret(
    prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(UnexpectedError, match="Unexpected error: ZeroDivisionError: while reading"):
        hostile_flow(source="https://shop.test/\x1b[2Jname.csv?sig=hunter22")
    APILogHandler().flush()
    assert len(list((tmp_path / "packshot" / "errors").iterdir())) == 1
    [run] = [found for found in prefect_records("flow_runs") if found["name"].startswith("\\x1b")]
    [task] = [found for found in prefect_records("task_runs") if found["name"] == "failing"]
    logs = [found["message"] for found in prefect_records("logs") if found["flow_run_id"] == run["id"]]
    assert run["state"]["message"].startswith("Flow run encountered an exception: UnexpectedError: Unexpected error: ")
    kept = [run["name"], run["state"]["message"], task["state"]["message"], *logs]
    assert any("its traceback is in" in text for text in logs)
    for text in kept:
        assert acts(text, allowed="\n\t") == []
        assert "hunter22" not in text
    for path in (Path(os.environ["PREFECT_HOME"]) / "storage").glob("*"):
        assert b"hunter22" not in path.read_bytes()


def test_a_parameter_that_does_not_fit_is_one_sentence_in_the_runs_state(prefect_api: str) -> None:
    with pytest.raises(OptionError, match=r"^source: Input should be a valid string$"):
        hostile_flow(source=7)
    messages = {found["state"]["message"] for found in prefect_records("flow_runs")}
    assert "Flow run encountered an exception: OptionError: source: Input should be a valid string" in messages
