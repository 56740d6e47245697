"""The contract suite is a module of its own; its assertions are to be told as readably as any test's."""

import pytest

pytest.register_assert_rewrite("tests.store.contract")
