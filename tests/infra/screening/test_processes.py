"""Processes that hang, crash, outlive their parent: none of it reaches the other pictures."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import psutil
import pytest

from infra.errors import ExternalError
from infra.interfaces import Failure, FinishParameters, ObjectStore, Screened, ScreeningRequest
from infra.screening.processes import ProcessScreener
from infra.stores import open_store
from infra.testing.faulty_screening import CRASH_CODE, measure_or_fail
from tests.fixtures.waiting import eventually
from tests.infra.screening.staged_images import block_image, screening_request, stage_image
from tests.paths import ROOT


def tell(order: ScreeningRequest, store: ObjectStore) -> Screened:
    """Report on the process instead of on a picture."""
    scores = {
        "pid": float(os.getpid()),
        "torch": float("torch" in sys.modules),
        "prefect": float("prefect" in sys.modules),
        "cv2.threads": float(cv2.getNumThreads()),
        "interrupts": float(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN),
        "stops": float(signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN),
    }
    print("a scanner that prints")  # noqa: T201
    if order.key.startswith("slow"):
        time.sleep(0.3)
    return Screened(order.key, "", "", 0, 0, 0, scores, b"", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


@pytest.fixture
def screener() -> Iterator[ProcessScreener]:
    made = ProcessScreener(2, measure_or_fail)
    yield made
    made.close()


@pytest.fixture
def process_info_screener() -> Iterator[ProcessScreener]:
    made = ProcessScreener(1, tell)
    yield made
    made.close()


def children() -> list[psutil.Process]:
    return [it for it in psutil.Process().children(recursive=True) if it.status() != psutil.STATUS_ZOMBIE]


def reason_of(answer: Screened | Failure) -> str:
    assert isinstance(answer, Failure)
    return answer.reason


@pytest.mark.parametrize("fault", ["hang", "grip"])
def test_a_hanging_picture_is_killed_at_its_deadline_and_spares_the_others(
    screener: ProcessScreener, store: ObjectStore, fault: str
) -> None:
    orders = [stage_image(store, f"{seed}", block_image(seed)) for seed in range(4)]
    orders.insert(1, stage_image(store, f"{fault}-1", deadline_seconds=0.5))
    answers = {answer.key: answer for answer in screener.screen(orders)}
    assert len(answers) == 5
    late = answers[f"{fault}-1"]
    assert reason_of(late) == "screening timed out after 0.5 s and its process was killed"
    assert late.seconds >= 0.5
    assert [key for key, answer in answers.items() if isinstance(answer, Failure)] == [f"{fault}-1"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [("hang", "timed out after 5 s and its process was killed"), ("crash", f"crashed with exit code {CRASH_CODE}.")],
)
def test_the_scanner_that_hung_or_crashed_is_named_and_the_next_pictures_are_unharmed(
    store: ObjectStore, fault: str, said: str
) -> None:
    screener = ProcessScreener(1, measure_or_fail)
    stuck = stage_image(store, f"{fault}-in-text-1", scanners=("pixels", "text", "fingerprint"), deadline_seconds=5)
    answers = list(screener.screen([stuck, stage_image(store, "next"), stage_image(store, "last")]))
    screener.close()
    [failure] = [answer for answer in answers if isinstance(answer, Failure)]
    assert failure.key == stuck.key
    assert failure.reason.endswith(said)
    assert failure.scanner == "text"
    assert {answer.key for answer in answers if isinstance(answer, Screened)} == {"next", "last"}
    assert not store.exists(stuck.scores_key)


def test_a_fault_before_any_scanner_names_none(store: ObjectStore, screener: ProcessScreener) -> None:
    [answer] = screener.screen([stage_image(store, "crash-1")])
    assert isinstance(answer, Failure)
    assert answer.scanner == ""


def test_a_crash_names_its_exit_code_and_the_worker_comes_back(store: ObjectStore) -> None:
    screener = ProcessScreener(1, measure_or_fail)
    orders = [stage_image(store, "crash-1"), stage_image(store, "good"), stage_image(store, "crash-2")]
    answers = {answer.key: answer for answer in screener.screen(orders)}
    screener.close()
    assert reason_of(answers["crash-1"]) == f"The screening process crashed with exit code {CRASH_CODE}."
    assert reason_of(answers["crash-2"]) == f"The screening process crashed with exit code {CRASH_CODE}."
    assert isinstance(answers["good"], Screened)


def test_a_process_that_is_killed_while_idle_costs_no_order(
    process_info_screener: ProcessScreener, store: ObjectStore
) -> None:
    order = screening_request("a", store.url)
    (first,) = process_info_screener.screen([order])
    assert isinstance(first, Screened)
    victim = int(first.scores["pid"])
    os.kill(victim, signal.SIGKILL)
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    (second,) = process_info_screener.screen([order])
    assert isinstance(second, Screened)
    assert second.scores["pid"] != first.scores["pid"]


def test_a_worker_is_light_deaf_to_its_groups_signals_silent_and_kept(
    process_info_screener: ProcessScreener, store: ObjectStore, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = list(process_info_screener.screen([screening_request(f"{number}", store.url) for number in range(3)]))
    assert all(isinstance(answer, Screened) for answer in answers)
    scores = [answer.scores for answer in answers if isinstance(answer, Screened)]
    assert {score["pid"] for score in scores} == {scores[0]["pid"]}
    assert (scores[0]["torch"], scores[0]["prefect"]) == (0, 0)
    assert (scores[0]["interrupts"], scores[0]["stops"]) == (0, 0)
    assert scores[0]["cv2.threads"] == 1
    assert capfd.readouterr().out == ""


def test_processes_start_at_the_first_order_and_end_with_close(store: ObjectStore) -> None:
    before = len(children())
    screener = ProcessScreener(2, tell)
    assert len(children()) == before
    assert (
        len(list(screener.screen([screening_request("slow-1", store.url), screening_request("slow-2", store.url)])))
        == 2
    )
    assert len(children()) == before + 2
    screener.close()
    screener.close()
    assert len(children()) == before
    with pytest.raises(RuntimeError, match="closed"):
        next(screener.screen([screening_request("a", store.url)]))


def test_closing_says_nothing_of_the_pictures_that_are_still_out(store: ObjectStore) -> None:
    screener = ProcessScreener(1, measure_or_fail)
    orders = [stage_image(store, "first"), stage_image(store, "hang-1"), stage_image(store, "later")]
    answers = screener.screen(orders)
    assert isinstance(next(answers), Screened)
    screener.close()
    with pytest.raises(ExternalError, match="closed before it had answered"):
        next(answers)
    assert list(answers) == []


def test_several_threads_get_their_own_answers(store: ObjectStore) -> None:
    screener = ProcessScreener(2, measure_or_fail)
    got: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        orders = [stage_image(store, f"{number}-{each}", block_image(each)) for each in range(5)]
        got[number] = sorted(answer.key for answer in screener.screen(orders) if isinstance(answer, Screened))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    screener.close()
    assert got == {number: [f"{number}-{each}" for each in range(5)] for number in range(4)}


def test_leaving_early_drops_what_has_not_begun(store: ObjectStore) -> None:
    screener = ProcessScreener(1, measure_or_fail)
    orders = [stage_image(store, f"{each:02d}", block_image(each)) for each in range(40)]
    answers = screener.screen(orders)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert isinstance(next(screener.screen([stage_image(store, "last")])), Screened)
    screener.close()
    assert len(list(store.list("scores/"))) < 30


def test_an_order_that_cannot_travel_and_a_store_in_memory_are_failures(
    screener: ProcessScreener, store: ObjectStore
) -> None:
    stuck = replace(stage_image(store, "stuck"), finish=FinishParameters(whiten=threading.Lock()))
    answers = {
        it.key: it
        for it in screener.screen([stuck, screening_request("m", "memory://here"), stage_image(store, "good")])
    }
    assert "pickle" in reason_of(answers["stuck"])
    assert "InlineScreener" in reason_of(answers["m"])
    assert isinstance(answers["good"], Screened)


def test_a_store_that_cannot_be_opened_fails_its_orders_and_not_the_process(
    process_info_screener: ProcessScreener,
) -> None:
    (answer,) = process_info_screener.screen([screening_request("a", "gopher://nowhere")])
    assert reason_of(answer).startswith("InvalidStoreAddress")


def test_a_lambda_is_refused_at_once() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        ProcessScreener(1, lambda order, store: measure_or_fail(order, store))


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(ValueError, match="workers is 0"):
        ProcessScreener(0)


# No `if __name__ == "__main__"`: a worker that imported its parent's main module would start workers of its own.
PARENT = """
import os, signal, sys, threading
from infra.testing.faulty_screening import measure_or_fail
from infra.screening.processes import ProcessScreener
from tests.infra.screening.staged_images import stage_image
from infra.stores import open_store

store = open_store(sys.argv[1])
screener = ProcessScreener(3, measure_or_fail)
done = screener.screen([stage_image(store, "0")])
next(done)
if sys.argv[2] == "leave":
    print("ready", flush=True)
    sys.exit(0)
orders = [stage_image(store, f"{fault}-1", deadline_seconds=3.0) for fault in ("hang", "grip", "hang")]
threading.Thread(target=lambda: list(screener.screen(orders)), daemon=True).start()
import time
while sum(thread.name.startswith("screening") for thread in threading.enumerate()) < 3:
    time.sleep(0.05)
time.sleep(1.5)
print("ready", flush=True)
if sys.argv[2] == "stay":
    signal.pause()
"""


def parent(store: ObjectStore, tmp_path: Path, what: str) -> subprocess.Popen[str]:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    return subprocess.Popen(
        [sys.executable, str(script), store.url, what],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_parent_leaves_no_process_behind_even_one_that_holds_the_interpreter(
    store: ObjectStore, tmp_path: Path
) -> None:
    with parent(store, tmp_path, "stay") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 3
        process.kill()
    assert eventually(lambda: not any(child.is_running() for child in family))


@pytest.mark.parametrize("what", ["leave", "fall off the end"])
def test_an_interpreter_that_exits_takes_its_processes_with_it(store: ObjectStore, tmp_path: Path, what: str) -> None:
    with parent(store, tmp_path, what) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert process.wait(timeout=60) == 0
    assert eventually(lambda: not any(child.is_running() for child in family), seconds=3)
