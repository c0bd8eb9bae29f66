"""Brands: which trademarks are known, whose they are, and what is decided over a slot whose prompt names one."""
