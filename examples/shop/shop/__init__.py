"""A small shop: look for things, get a quote, place an order."""
