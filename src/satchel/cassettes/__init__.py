"""Recordings of what servers answered, in betamax's format (docs/recordings.md).

A cassette is a folder of segments, each of which is a betamax cassette by itself. Here is what they
hold and how it is found; ``middlewares/cassette.py`` records and replays with it.
"""
