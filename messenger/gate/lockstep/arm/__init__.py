"""What runs in the processes of a pair, beside the product that is measured there.

So it takes nothing but the standard library and pytest, and is loaded under a name that no product has.
"""
