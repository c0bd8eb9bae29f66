"""A process lends its watch to the flows that it runs."""

from flows.run.observers import NoWatch, lend, watch_of_this_process


def test_without_a_lender_nobody_looks_on() -> None:
    watch = watch_of_this_process()
    assert isinstance(watch, NoWatch)
    watch.stage("plan")
    watch.total(3)
    watch.advance(1, passed=1)


def test_the_watch_lent_last_is_the_one_and_goes_back_after_the_block() -> None:
    first, second = NoWatch(), NoWatch()
    with lend(first):
        with lend(second):
            assert watch_of_this_process() is second
        assert watch_of_this_process() is first
    assert watch_of_this_process() is not first
