"""Verbs: one stage a file, a plain function that is the code and a thin `@task` that Prefect sees."""
