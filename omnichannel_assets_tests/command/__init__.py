"""The ``omnichannel`` command as a person meets it, over one small real lake."""
