"""Catalogs: tables, keys, recipes, policies and plans, as pure values and rules. No clients, no GPU, no Prefect."""
