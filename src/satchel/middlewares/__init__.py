"""Scrapy middlewares, one in each file. The add-on enables them."""
