"""Compositing: set a cut-out product on a ground, and prove that its pixels are the photo's.

Inputs: cut-outs and grounds. Outputs: placements, placed products, staged pixels and proofs. All of it is integer
arithmetic, so the same inputs give the same bytes on every machine.
"""
