"""The review console: pages and forms on which people answer what waits for them."""
