"""Fitting models on a service's own history, in a process of its own: the daemon never loads any of this."""
