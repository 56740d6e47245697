"""Models: what does not fit a person or a service, as facts that rules read. Trained elsewhere, served here."""
