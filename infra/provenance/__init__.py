"""Provenance: sign published files, read what a file declares about its origin, and embed watermarks."""
