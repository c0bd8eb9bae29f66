"""pytest plugins of this project: which tests of `long` run, and how long each file took."""
