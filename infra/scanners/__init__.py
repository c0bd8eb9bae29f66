"""What measures a prompt or an image: scanners give numbers and hits, never verdicts."""
