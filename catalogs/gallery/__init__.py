"""The gallery's nouns: a release as it is looked through, what differs between two, and variants side by side."""
