"""Planning: what a run has to do. `planner` joins catalogue and current state; `schedule` orders the requests."""
