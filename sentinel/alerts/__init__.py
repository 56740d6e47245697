"""Alert mails: what a notice says to a person, and the loop that brings it to the mail server.

``outbox`` is what a store offers, ``compose`` writes one mail (pure), ``smtp`` is the only file that talks
to a mail server, ``delivery`` ties them together. ``words``, ``sentences`` and ``clean`` turn values into
text for people; ``templates`` has a folder for each kind of alert.
"""
