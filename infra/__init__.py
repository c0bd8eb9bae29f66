"""The outside world: stores, tables, engines, scanners. Everything here works on keys, bytes, text and pixels.

Inputs and outputs: those of `infra.interfaces`, which is read first. No module here knows what a SKU is.
"""
