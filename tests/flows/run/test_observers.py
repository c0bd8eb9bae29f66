"""A command gives an observer to the flows that it runs."""

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from flows.run.observers import NullObserver, Observer, current_observer, use_observer


def test_without_a_block_events_are_ignored() -> None:
    observer = current_observer()
    assert isinstance(observer, NullObserver)
    observer.on_stage("plan")
    observer.on_images_planned(3)
    observer.on_images_done(1, passed=1)


def test_the_innermost_block_counts_and_ends_with_itself() -> None:
    first, second = NullObserver(), NullObserver()
    with use_observer(first):
        with use_observer(second):
            assert current_observer() is second
        assert current_observer() is first
    assert current_observer() is not first


def test_a_flow_its_tasks_and_their_threads_find_the_observer(prefect_api: str) -> None:
    observers: list[Observer] = []

    def look() -> None:
        observers.append(current_observer())

    @flow(persist_result=False, task_runner=ThreadPoolTaskRunner(max_workers=2))
    def run() -> None:
        look()
        task(look, persist_result=False)()
        task(look, persist_result=False).submit().result()

    observer = NullObserver()
    with use_observer(observer):
        run()
    assert [each is observer for each in observers] == [True, True, True]
