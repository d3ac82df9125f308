"""The grid that answers, on a running system: scenarios, each with a verdict from the truth."""
