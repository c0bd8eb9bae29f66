"""Recipes: what a source's first rows say about the recipe that it needs."""
