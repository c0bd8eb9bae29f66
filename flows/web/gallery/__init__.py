"""The gallery's pages: what releases show, read only."""
