"""Who gets which work: the least loaded first, suspects alone and last, poison set aside, neighbours never."""

from infra.pools.dispatcher import CRASH_LOOP_DEATHS, Dispatcher, EngineJob, EngineWorker


def crew_of(members: int, tries: int = 3, ahead: int = 2) -> Dispatcher:
    crew = Dispatcher(members, ahead, tries)
    for member in crew.workers:
        member.ready = True
    return crew


def given(crew: Dispatcher, *jobs: EngineJob) -> list[tuple[int, EngineJob]]:
    for job in jobs:
        crew.enqueue(job)
    return [(member.number, job) for member, job in crew.dispatch()]


def new_jobs(count: int) -> list[EngineJob]:
    return [EngineJob(b"engine", str(number).encode()) for number in range(count)]


def test_each_member_gets_as_many_as_it_may_have_and_the_least_loaded_comes_first() -> None:
    crew, jobs = crew_of(3), new_jobs(8)
    assert [number for number, _ in given(crew, *jobs)] == [0, 1, 2, 0, 1, 2]
    assert crew.waiting == jobs[6:]
    crew.mark_done(crew.workers[1], jobs[4])
    assert given(crew) == [(1, jobs[6])]
    assert crew.running == [jobs[0], jobs[3], jobs[1], jobs[6], jobs[2], jobs[5]]


def test_nobody_who_is_not_ready_gets_anything() -> None:
    crew, jobs = crew_of(2), new_jobs(3)
    crew.workers[0].ready = False
    assert given(crew, *jobs) == [(1, jobs[0]), (1, jobs[1])]


def test_what_was_in_flight_at_a_death_is_tried_again_alone_after_what_is_fresh_and_elsewhere() -> None:
    crew, jobs = crew_of(2), new_jobs(6)
    given(crew, *jobs[:5])
    first, second = crew.workers
    assert crew.mark_died(first) == []
    assert [job.deaths for job in jobs[:4]] == [1, 0, 1, 0]
    first.ready = True
    assert given(crew) == [(0, jobs[4])], "fresh work first; no suspect beside it"
    crew.mark_done(first, jobs[4])
    assert given(crew) == [(0, jobs[0])], "the member it died on, where no other is idle"
    assert given(crew, jobs[5]) == [], "nothing beside a suspect"
    for job in (jobs[1], jobs[3]):
        crew.mark_done(second, job)
    assert given(crew) == [(1, jobs[5])]
    crew.mark_done(second, jobs[5])
    assert given(crew) == [(1, jobs[2])]


def test_a_suspect_goes_to_another_member_where_one_is_idle() -> None:
    crew, (job,) = crew_of(2), new_jobs(1)
    assert given(crew, job) == [(0, job)]
    crew.mark_died(crew.workers[0])
    crew.workers[0].ready = True
    assert given(crew) == [(1, job)]
    crew.mark_died(crew.workers[1])
    crew.workers[1].ready = True
    assert given(crew) == [(0, job)]


def test_poison_is_set_aside_after_so_many_deaths_and_its_neighbour_never() -> None:
    crew, (poison, neighbour) = crew_of(1, tries=3), new_jobs(2)
    (member,) = crew.workers
    given(crew, poison, neighbour)
    aside: list[EngineJob] = []
    while not aside:
        aside = crew.mark_died(member)
        member.ready = True
        for _, job in given(crew):
            if job is neighbour:
                crew.mark_done(member, job)
                given(crew)
    assert (aside, poison.deaths, neighbour.deaths) == ([poison], 3, 1)
    assert crew.waiting == crew.running == []


def test_deaths_in_a_row_are_hopeless_and_one_work_that_ends_is_hope() -> None:
    crew = crew_of(1, tries=2)
    (member,) = crew.workers

    def die(times: int) -> None:
        for _ in range(times):
            given(crew, *new_jobs(1))
            crew.mark_died(member)
            member.ready = True

    die(CRASH_LOOP_DEATHS * 2 - 1)
    assert not crew.is_crash_looping
    [(_, job)] = given(crew, *new_jobs(1))[:1]
    crew.mark_done(member, job)
    die(CRASH_LOOP_DEATHS * 2 - 1)
    assert not crew.is_crash_looping
    die(1)
    assert crew.is_crash_looping


def test_what_waits_for_one_engine_can_be_taken_back_without_the_rest() -> None:
    crew = Dispatcher(1, 2, 3)
    jobs = [EngineJob(opener, b"") for opener in (b"a", b"b", b"a")]
    given(crew, *jobs)
    assert crew.cancel_pending(b"a") == [jobs[0], jobs[2]]
    assert crew.waiting == [jobs[1]]
    assert crew.cancel_pending() == [jobs[1]]


def test_a_crew_knows_whether_anybody_is_left() -> None:
    crew = Dispatcher(2, 2, 3)
    assert (crew.any_ready, crew.all_gone) == (False, False)
    crew.workers[0].ready = crew.workers[1].gone = True
    assert (crew.any_ready, crew.all_gone) == (True, False)
    crew.workers[0] = EngineWorker(0, gone=True)
    assert (crew.any_ready, crew.all_gone) == (False, True)
