"""Works that travel: what tests ask of an engine in another process. Light, since every actor imports it."""

import os
import signal
import time
from functools import partial
from pathlib import Path

from infra.engines import EngineSpec, open_engine
from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Engine, Prompt
from infra.testing.faulty_engine import FaultyBackend

PATIENCE = 60.0

stub = partial(open_engine, EngineSpec("stub"))
slow_stub = partial(open_engine, EngineSpec("stub", stub_seconds=0.02))


def broken() -> Engine:
    """Open nothing."""
    return ThreadedEngine(FaultyBackend(load_succeeds=False), 2, 8)


def open_nothing(spec: EngineSpec) -> Engine:
    """Open nothing, whatever is asked for."""
    return broken()


def dead_on_opening() -> Engine:
    """Die."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("A killed process went on.")


def paint(engine: Engine, keys: list[str]) -> list[str]:
    return sorted(answer.key for answer in engine.generate(Prompt(key, key, 1, 32, 32) for key in keys))


def where(engine: Engine, shard: object) -> int:
    return os.getpid()


def divide(engine: Engine, shard: int) -> float:
    return 12 / shard


def unpicklable(engine: Engine, shard: object) -> object:
    return lambda: shard


class Odd(Exception):
    """An error that pickles and cannot be read again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def odd(engine: Engine, shard: object) -> None:
    raise Odd("odd", "error")


def unsuitable(engine: Engine, shard: object) -> None:
    raise EngineUnsuitable("This machine cannot.")


def lose_the_device(engine: Engine, shard: object) -> None:
    raise EngineError("The device was lost, as ordered.")


def die(engine: Engine, shard: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(engine: Engine, folder: str) -> int:
    """Kill the first process that does this, and answer in the second."""
    mark = Path(folder) / "died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def lose_once(engine: Engine, folder: str) -> tuple[int, int]:
    """Lose the device of the first process that does this, and tell both in the second."""
    mark = Path(folder) / "lost"
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        raise EngineError("The device was lost, as ordered.")
    return int(mark.read_text()), os.getpid()


def unreadable(engine: Engine, shard: object) -> object:
    return Unreadable()


class Unreadable:
    """An answer that cannot be read where it arrives."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)


def variable(engine: Engine, name: str) -> str | None:
    return os.environ.get(name)


def meet(engine: Engine, shard: tuple[str, int]) -> int:
    """Wait beside this engine until another work is there, and return the most that ever were."""
    folder, number = shard
    own = Path(folder) / f"{os.getpid()}-{number}"
    own.touch()
    most, until = 1, time.monotonic() + PATIENCE
    while most < 2 and time.monotonic() < until:
        most = max(most, len(list(Path(folder).glob(f"{os.getpid()}-*"))))
        time.sleep(0.01)
    time.sleep(0.1)
    most = max(most, len(list(Path(folder).glob(f"{os.getpid()}-*"))))
    own.rename(Path(folder) / f"done-{number}")
    return most


def gather(engine: Engine, folder: str) -> list[int]:
    """Wait until works have come to two processes, and return those."""
    (Path(folder) / str(os.getpid())).touch()
    until = time.monotonic() + PATIENCE
    while len(found := list(Path(folder).iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    return [int(each.name) for each in found]


def wait(engine: Engine, folder: str) -> None:
    """Say that this has begun, and go on until the process ends."""
    (Path(folder) / f"begun-{time.monotonic_ns()}").touch()
    while True:
        for _ in engine.generate([Prompt("key", "a mug", 1, 32, 32)]):
            time.sleep(0.01)
