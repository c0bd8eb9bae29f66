"""Pipeline: the stages of a run, from plan to recorded outcomes. They meet in the store; none imports another."""
