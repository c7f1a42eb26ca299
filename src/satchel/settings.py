"""The project's own Scrapy settings; what satchel sets by default is in ``addon.py``."""

BOT_NAME = "satchel"

# For tools that do not ask the add-on for the services' spiders.
SPIDER_MODULES = ["satchel.spiders"]

# The one line that turns satchel on in any project.
ADDONS = {"satchel.addon.SatchelAddon": 100}

# At DEBUG, Scrapy prints each item; items may be personal.
LOG_LEVEL = "INFO"

# The sandbox and RecNet need no cookies, and no public suffix list is fetched for them.
COOKIES_ENABLED = False

FEED_EXPORT_ENCODING = "utf-8"
