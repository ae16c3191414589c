"""A customer's portrait: which identifiers it has, the links that joined them, what was seen with them and stays apart; as values and drawn.

``ties`` reads it from the lake, ``tree`` arranges it, ``drawing`` draws it. Shows people's values: for the person who asked, never for a log.
"""
