"""People's answers: what they say of images, prompts, channels and held batches, and which of it stands."""
