"""Tests of agents that share one broker, which ends with the last of them."""
