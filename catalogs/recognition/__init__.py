"""Recognition: from a source's header and first rows to a proposed recipe."""
