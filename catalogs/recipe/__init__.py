"""Recipe: everything that changes the pixels, and what of it reaches one slot."""
