"""satchel's version.

A literal: an egg that scrapyd runs is installed nowhere, so nobody could be asked.
"""

from typing import Final

VERSION: Final = "0.1.0"
