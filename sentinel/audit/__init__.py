"""The audit log: every look at and change to personal data, by whom and why, in a chain that shows any change."""
