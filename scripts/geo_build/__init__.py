"""Parts of ``scripts/build_geo.py``: making the packaged place and network data. Needs numpy; never imported
at run time.
"""
