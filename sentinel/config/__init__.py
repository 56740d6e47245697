"""Configuration: one TOML file, every setting declared once (settings.py), refused with line and column."""

from sentinel.config.config import Config
from sentinel.config.describe import Setting, describe_settings
from sentinel.config.load import load
from sentinel.config.secrets import read_secret
from sentinel.config.values import Listen

__all__ = ["Config", "Listen", "Setting", "describe_settings", "load", "read_secret"]
