"""A process lends its watch to the flows that it runs."""

from flows.run.observers import NullObserver, current_observer, use_observer


def test_without_a_lender_nobody_looks_on() -> None:
    watch = current_observer()
    assert isinstance(watch, NullObserver)
    watch.on_stage("plan")
    watch.on_images_planned(3)
    watch.on_images_done(1, passed=1)


def test_the_watch_lent_last_is_the_one_and_goes_back_after_the_block() -> None:
    first, second = NullObserver(), NullObserver()
    with use_observer(first):
        with use_observer(second):
            assert current_observer() is second
        assert current_observer() is first
    assert current_observer() is not first
