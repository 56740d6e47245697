"""Backups that forget: data without keys, keys that expire, and a restore that erases again what was erased."""
