"""A library: its books and their authors. The example of a service as a package."""

from satchel_library.items import Author, Book

__all__ = ["Author", "Book"]
