"""The queue of what waits for people: read, claimed, shown, answered."""
