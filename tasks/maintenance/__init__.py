"""Maintenance: delete what is no longer referenced, verify what is published, and inspect single images."""
