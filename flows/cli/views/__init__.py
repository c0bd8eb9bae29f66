"""Views: what the commands print on a terminal."""
