"""Tests that share one running system, which ends with the last of them."""
