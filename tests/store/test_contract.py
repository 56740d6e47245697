"""Runs the contract suite over every store there is."""

from tests.store.contract import *  # noqa: F403  # the tests are in the module that new stores are pointed to
