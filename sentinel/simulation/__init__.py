"""Normal traffic of made-up people, with attackers on request, and the measuring of quality on it."""
