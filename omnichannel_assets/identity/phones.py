"""One phone number as text -> E.164. Here because the rules file needs it without Arrow; columns of them are read in normalise."""

MAX_E164_CHARACTERS = 16


def is_region(region: str) -> bool:
    """Whether these two capital letters are a country that has phone numbers."""
    import phonenumbers

    return region in phonenumbers.SUPPORTED_REGIONS


def e164(text: str, region: str | None) -> str | None:
    """The number in E.164 when it is possible in its country (or starts with +), else None."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # All zeros parse as "possible" in some countries; as an identifier they would join strangers.
    if number.national_number == 0 or not phonenumbers.is_possible_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if len(written) <= MAX_E164_CHARACTERS else None  # some plans call longer ones possible
