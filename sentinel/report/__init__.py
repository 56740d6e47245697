"""What operators are told of a week: figures of everybody together, never of one person."""
