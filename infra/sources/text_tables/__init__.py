"""Text tables: files of separated values, whatever separates them and however their letters are written.

Inputs: a source's files and what a person says of them. Outputs: rows of text, and notes on how they are read.
"""
