"""What a person gets on access (GDPR Art. 15 and 20), and the reports made from the same data: pure rendering.

Nothing here reads the store, a clock or a key: values come in opened, bytes go out.
"""
