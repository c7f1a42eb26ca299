"""Timetables: which runs are due, on which scrapyd node they are started, what they come to.

``timetable`` reads the file, ``dues`` says when runs are due, ``runs`` remembers them, ``nodes``
talks to scrapyd, ``crawls`` reads what the store has of them, ``judging`` judges them, ``telling``
tells the plugins, and ``keeper`` joins all that, one round at a time.
"""
