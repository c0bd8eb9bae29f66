"""What people are asked about: items, their order, filters and groups, and measured scores in words."""
