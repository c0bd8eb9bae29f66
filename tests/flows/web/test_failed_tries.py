"""Wrong tokens wait longer and longer; a right one makes the next wrong one quick again."""

import asyncio

from flows.web.failed_tries import MAX_SECONDS, MAX_WAITING, FailedTries


def test_each_wrong_token_waits_twice_as_long_up_to_a_bound() -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    async def try_often() -> None:
        tries = FailedTries(note)
        for _ in range(7):
            assert await tries.wait()
        tries.forget()
        assert await tries.wait()

    asyncio.run(try_often())
    assert waited == [0.25, 0.5, 1, 2, 4, 4, MAX_SECONDS, 0.25]


def test_few_wait_at_once_and_the_others_are_sent_away() -> None:
    async def try_at_once() -> list[bool]:
        end = asyncio.Event()

        async def sleep(_: float) -> None:
            await end.wait()

        tries = FailedTries(sleep)
        waiting = [asyncio.create_task(tries.wait()) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        sent_away = [await tries.wait() for _ in range(3)]
        end.set()
        return [*sent_away, *(await asyncio.gather(*waiting)), await tries.wait()]

    assert asyncio.run(try_at_once()) == [False] * 3 + [True] * (MAX_WAITING + 1)
