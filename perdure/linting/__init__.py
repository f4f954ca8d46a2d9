"""Finds, without running it, code that orchestrators, entities and activities must not have."""

from perdure.linting.checking import Finding, check_source
from perdure.linting.targets import check_targets

__all__ = ["Finding", "check_source", "check_targets"]
