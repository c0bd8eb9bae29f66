"""Supply: what is installed here, from where, under which licence: the lock, and what is checked of it."""
