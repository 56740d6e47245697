"""Rules are data: one TOML file each, one CEL expression over facts."""
