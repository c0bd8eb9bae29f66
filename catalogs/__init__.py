"""Nouns and rules, pure: tables, keys, recipes, plans and policies. No clients, no GPU, no Prefect."""
