"""Tests on Apache Kafka; those that leave its node alone share one, which ends with them."""
