"""Keys, seals and pseudonyms: the only place that turns personal data into something else and back."""
