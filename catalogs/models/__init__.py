"""Models: sets of weights, their versions and engines, and the comparison of two versions."""
