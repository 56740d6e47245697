"""Fitting models. Only here scikit-learn is imported, and never in the daemon."""
