"""What a file says of its own making: Content Credentials (C2PA), who signs them, and invisible watermarks.

The IPTC mark in the XMP is part of the finish; see `infra.imaging.finishing`.
"""
