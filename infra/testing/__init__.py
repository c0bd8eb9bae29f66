"""Test doubles and fault injectors, shipped for anyone who tests against Packshot's interfaces.

Inputs: real stores, tables and engines, or none. Outputs: the same interfaces, with ordered faults.
No other package imports this one.
"""
