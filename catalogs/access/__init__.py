"""Access: keys by which people and programs show who they are."""
