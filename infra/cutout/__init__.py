"""Cutting a product out of its photo: cutters, the refinement of edges, and the measures of masks and photos."""
