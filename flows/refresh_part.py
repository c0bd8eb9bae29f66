"""A run too large for one flow run, in parts: `refresh/part`, or a loop in this process where there is no such thing.

Comes in: a run, a plan of more than 700 shards. Goes out: every shard made and screened, each with its record in the
store, which is where the parent finds it. A part is a file of the plan. In a process of its own it works under its
parent's lease, and stops before the next shard once the parent has lost it.
"""

from collections.abc import Callable
from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.planning.plan import Plan, Shard
from catalogs.runs.job import Job, Run
from flows.orchestration.flow_signature import taking
from flows.orchestration.prefect_artifacts import RunPage
from flows.parameters import PartParameters
from flows.run.executors import THREADS, Hands, PrefectHands
from flows.run.observers import Watch, watch_of_this_process
from flows.run.shard_pipeline import Limits, work_through
from flows.wiring.composition import open_places
from infra.coordination.leases import peek
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.pipeline.plan import load_plan
from tasks.runs import run_state as runs
from tasks.runs.run_context import Workbench


def work_through_parts(
    ask: Callable[..., PartParameters] | None,
    plan: Plan,
    bench: Workbench,
    missing: list[str],
    hands: Hands,
    limits: Limits,
    watch: Watch,
) -> None:
    """Have the missing shards made part by part, by other processes or here, and then what attempts are still owed.

    `ask` makes the parameters of a part from its name. Without it all is made here: a budget can only be counted in one
    process.
    """
    pending = set(missing)
    parts: dict[str, list[Shard]] = {}
    for shard in plan.shards:
        if shard.name in pending:
            parts.setdefault(shard.part, []).append(shard)
    done = hands.elsewhere({name: ask(part=name) for name in parts}) if ask else set()
    for name, shards in parts.items():
        if name in done:
            watch.advance(sum(shard.requests for shard in shards))
            continue
        work = partial(work_through, bench, [shard.name for shard in shards], [], hands, limits, watch)
        hands.part(f"{bench.run_id}-{name}", work)
    work_through(bench, [], bench.unfinished(), hands, limits, watch)


def part_name() -> str:
    """Return a flow run's name that says which part of which run."""
    asked = flow_run.parameters
    return f"{asked.get('run')}-{asked.get('part')}"


@flow(
    name="refresh",
    flow_run_name=part_name,
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,
)
@taking(PartParameters)
def refresh_part(parameters: PartParameters) -> State[None] | None:
    """Work through one part of a run that is too large for one flow run. Started by the run itself."""
    try:
        run_part(parameters, Settings(), PrefectHands())
    except LeaseLost as lost:
        return Cancelled(message=str(lost))  # with its parent, before Prefect comes to cancel it
    return None


def run_part(parameters: PartParameters, settings: Settings, hands: Hands) -> None:
    """Open the places, work through the part, close them.

    Raises `OptionError` for a run or part that is not there, `LeaseLost` where nobody holds the run.
    """
    if parameters.stub_seconds is not None:
        settings = settings.model_copy(update={"stub_seconds": parameters.stub_seconds})
    store = open_store(parameters.store)
    run = runs.load(store, parameters.run)
    check = under_lease(store, run)
    plan = load_plan(store, run.run_id)
    shards = [shard for shard in plan.shards if shard.part == parameters.part] if plan else []
    if not shards:
        raise OptionError(f"The run {run.run_id} has no part {parameters.part!r}")
    recipe, policy = runs.frozen_rules(store, run.run_id)
    job = Job(run.source, parameters.store, run.catalogue, recipe, policy, run.scope)
    with open_places(job, settings, publishes=False) as (places, gate):
        bench = Workbench(places, gate, run.run_id, check)
        missing, pending = bench.plan(shards), set[str]()
        pending.update(missing)
        owed = bench.unfinished()
        watch = watch_of_this_process()
        if isinstance(hands, PrefectHands):
            watch = RunPage(watch, f"{run.catalogue}-{parameters.part}")
        watch.total(sum(shard.requests for shard in shards if shard.name in pending) + len(owed))
        work_through(bench, missing, owed, hands, Limits(settings.shards_in_flight, settings.shard_size), watch)


def under_lease(store: ObjectStore, run: Run) -> Callable[[], None]:
    """Return what raises `LeaseLost` unless the process that holds the run now holds it still; it must hold it now."""
    prefix = layout.run_lease(run.catalogue, run.run_id)
    holder = peek(store, prefix)

    def check() -> None:
        now = peek(store, prefix)
        same = now and holder and (now.host, now.pid, now.process) == (holder.host, holder.pid, holder.process)
        if now is None or not same or not now.is_live():
            raise LeaseLost(f"The run {run.run_id} is not held any more by the process that asked for this part")

    check()
    return check
