"""People's answers in the store: written once, folded, read by runs and by the review console."""
