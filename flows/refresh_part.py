"""Parts of a run too large for one flow run: `refresh/part`, or a loop in this process where there is no deployment.

Inputs: a run, and a plan of more than 700 shards. Outputs: every shard generated and screened, each with its record in
the store, where the parent finds it. A part is a file of the plan. In a process of its own it works under its parent's
lease, and stops before the next shard once the parent has lost it.
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
from catalogs.runs.job import RefreshJob, Run
from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.orchestration.prefect_artifacts import PrefectObserver, last_part
from flows.orchestration.prefect_executor import PrefectExecutor
from flows.parameters import PartParameters
from flows.run.executors import SHARD_THREADS, Executor
from flows.run.observers import Observer, current_observer
from flows.run.shard_pipeline import PipelineLimits, process_shards
from flows.wiring.composition import open_resources
from infra.coordination.leases import read_lease
from infra.errors import LeaseLost, error_sentence
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.pipeline.stored_plan import load_plan
from tasks.runs import run_state as runs
from tasks.runs.run_context import RunContext


def process_parts(
    part_parameters: Callable[..., PartParameters] | None,
    plan: Plan,
    context: RunContext,
    missing_shards: list[str],
    executor: Executor,
    limits: PipelineLimits,
    observer: Observer,
) -> None:
    """Process the missing shards part by part, in other processes or in this one, and then the pending retries.

    `part_parameters` makes the parameters of a part from its name. Without it every part is processed in this process,
    since a budget can only be counted in one.
    """
    pending = set(missing_shards)
    parts: dict[str, list[Shard]] = {}
    for shard in plan.shards:
        if shard.name in pending:
            parts.setdefault(shard.part, []).append(shard)
    completed_parts = (
        executor.run_remotely({name: part_parameters(part=name) for name in parts}) if part_parameters else set()
    )
    for name, shards in parts.items():
        if name in completed_parts:
            observer.on_images_done(sum(shard.requests for shard in shards))
            continue
        work = partial(process_shards, context, [shard.name for shard in shards], [], executor, limits, observer)
        executor.run_part(f"{context.run_id}-{name}", work)
    process_shards(context, [], context.find_pending_items(), executor, limits, observer)


def part_run_name() -> str:
    """Return a flow run's name from its run and part."""
    parameters = flow_run.parameters
    return f"{last_part(parameters.get('run'))}-{last_part(parameters.get('part'))}"


@flow(
    name="refresh",
    flow_run_name=part_run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=SHARD_THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,
)
@parameters_from_pydantic(PartParameters)
def refresh_part(parameters: PartParameters) -> State[None] | None:
    """Work through one part of a run that is too large for one flow run. Started by the run itself."""
    try:
        run_part(parameters, Settings(), PrefectExecutor())
    except LeaseLost as lost:
        return Cancelled(message=error_sentence(lost))  # as its parent is: Prefect may not have cancelled this run yet
    return None


def run_part(parameters: PartParameters, settings: Settings, executor: Executor) -> None:
    """Open the resources of a part, process its shards, close them.

    Raises `OptionError` for a run or part that does not exist, `LeaseLost` where no process holds the run.
    """
    if parameters.stub_seconds is not None:
        settings = settings.model_copy(update={"stub_seconds": parameters.stub_seconds})
    store = open_store(parameters.store)
    run = runs.load_run(store, parameters.run)
    check = lease_check(store, run)
    plan = load_plan(store, run.run_id)
    shards = [shard for shard in plan.shards if shard.part == parameters.part] if plan else []
    if not shards:
        raise OptionError(f"The run {run.run_id} has no part {parameters.part!r}")
    recipe, policy = runs.load_frozen_rules(store, run.run_id)
    job = RefreshJob(run.source, parameters.store, run.catalogue, recipe, policy, run.scope)
    with open_resources(job, settings, publishes=False) as (resources, screening):
        context = RunContext(resources, screening, run.run_id, check)
        missing_shards, retries = context.add_planned_shards(shards), context.find_pending_items()
        planned = {shard.name: shard.requests for shard in shards}
        observer = current_observer()
        if isinstance(executor, PrefectExecutor):
            observer = PrefectObserver(observer, f"{run.catalogue}-{parameters.part}")
        observer.on_images_planned(sum(planned[name] for name in missing_shards) + len(retries))
        limits = PipelineLimits.of(settings)
        process_shards(context, missing_shards, retries, executor, limits, observer)


def lease_check(store: ObjectStore, run: Run) -> Callable[[], None]:
    """Return a check that raises `LeaseLost` once the process that holds the run at this call no longer holds it."""
    prefix = layout.run_lease(run.catalogue, run.run_id)
    holder = read_lease(store, prefix)

    def check() -> None:
        current = read_lease(store, prefix)
        same_holder = (
            current
            and holder
            and (current.host, current.pid, current.process) == (holder.host, holder.pid, holder.process)
        )
        if current is None or not same_holder or not current.is_live(store.now()):
            raise LeaseLost(f"The run {run.run_id} is no longer held by the process that started this part")

    check()
    return check
