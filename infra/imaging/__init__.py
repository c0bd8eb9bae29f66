"""Images: encoding and decoding, finishing, thumbnails, fingerprint search, and metrics."""
