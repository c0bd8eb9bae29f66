"""Indexes: compact sets and maps of millions of digests."""
