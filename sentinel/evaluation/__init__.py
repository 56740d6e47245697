"""How well the scores tell attackers from people, measured on labelled events."""
