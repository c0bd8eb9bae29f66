"""Gates: rules applied to prompts, images and batches before anything is published; each is used by the stages."""
