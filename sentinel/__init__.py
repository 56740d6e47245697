"""sentinel watches the accounts of a service: it scores login events, answers how risky each is, and forgets."""

__version__ = "0.1.0"
