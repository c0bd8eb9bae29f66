"""Policy: the rules that decide over prompts, images and channels, and the decisions that follow from them."""
