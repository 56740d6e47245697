"""Where everything is kept: one protocol, implementations behind one contract test suite."""
