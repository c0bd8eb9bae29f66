"""Access to a store's consoles: people's keys, and the log of who came in."""
