"""The nouns: what comes in, what is known of it, what is said about it. They import nothing but errors."""
