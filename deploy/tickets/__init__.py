"""Tickets as operators see and handle them."""
