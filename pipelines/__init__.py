"""Item pipelines: one stage of an item's way each, in this order.

privacy
    lets in what did not come through a response (an errback's items, a plugin's).
resolve
    joins relations to what did not come through a response.
plugins
    has plugins change or drop the item.
store
    waits until the item is committed to the database.
nesting
    counts the item, and prepares it for the feeds: cuts cycles of items that nest each other, or
    puts their keys in their place.
act
    sends the actions that were proposed, or shows them.
"""
