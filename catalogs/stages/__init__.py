"""Stages: empty scenes on which a photo's product is placed, and their libraries."""
