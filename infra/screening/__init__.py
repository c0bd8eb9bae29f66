"""Screening: finish staged images and measure them, in this process or in worker processes."""
