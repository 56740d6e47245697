"""The page "Was this you?" that alert mails lead to. docs/answers.md says what it does and what it withstands."""
