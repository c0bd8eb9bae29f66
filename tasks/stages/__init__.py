"""Stages in a store: libraries of empty scenes, their pictures, the gate before a person's look, people's answers."""
