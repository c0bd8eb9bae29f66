"""Composing: images that keep a product from a shop's own photo, made as an engine makes images.

Inputs: prompts that hold a kept request. Outputs: composed frames with what was kept in them; masks, scores and
documents in the store.
"""
