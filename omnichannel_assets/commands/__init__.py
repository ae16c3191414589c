"""The parts of the ``omnichannel`` command that are groups of their own, one module each, and what all commands share.

Here: options and how results are printed (``shared_options``, ``printing``), command groups. Not here: what the commands do.
"""
