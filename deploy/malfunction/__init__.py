"""What malfunction finds in a month whose faults are known."""
