"""`sentinel demo`: made-up people on documentation addresses, their ordinary logins, and attacks on them.

Nothing here reaches a real network or names a real person; the traffic is a pure function of a seed and a
time.
"""
