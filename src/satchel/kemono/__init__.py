"""Kemono, and servers that speak its API."""
