"""Policies: apply another policy to stored scores, and calibrate thresholds with them; no image is opened."""
