"""The inside of a run: recovery, shard pipeline, audit, report, leases, executors, observers."""
