"""Model folders on disk: digests, checks, loading."""
