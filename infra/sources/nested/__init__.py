"""Nested sources: values inside values by path, JSON documents, XML feeds."""
