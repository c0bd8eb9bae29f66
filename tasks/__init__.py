"""Tasks: what a flow does, one plain function for each stage or operation.

Inputs: open stores and tables, and values of `catalogs`. Outputs: objects and commits in the store, and plain results.
Prefect sees a stage as a task either by its own `@task` (`generate_shard` and `screen_shard`, which run on threads,
shard by shard) or because `flows.run.executors` wraps the call: everything else here is a plain function and runs
without Prefect. Folders are layers: amendments and maintenance stand on pipeline, policies and reporting, and these on
gates, runs and models.
"""
