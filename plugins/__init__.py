"""The built-in plugins, each a file that a user could have written."""
