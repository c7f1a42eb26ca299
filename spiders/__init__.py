"""satchel's spiders, one file for each service."""
