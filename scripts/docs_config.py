"""Writes docs/configuration.md from the declared settings; run it after changing one."""

from pathlib import Path

from sentinel.config.docs import configuration_page

Path(__file__).parent.parent.joinpath("docs", "configuration.md").write_text(configuration_page(), "utf-8")
