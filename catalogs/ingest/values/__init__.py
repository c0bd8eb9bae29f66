"""Values: what cells mean as text, numbers and times, and what they cannot mean."""
