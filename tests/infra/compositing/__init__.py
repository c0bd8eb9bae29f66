"""Tests of `infra.compositing`."""
