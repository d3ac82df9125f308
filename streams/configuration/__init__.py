"""What an operator can set, a noun in each file; `streams.settings` reads it all, once."""
