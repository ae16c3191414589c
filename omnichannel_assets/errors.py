"""The errors a person meets, in one small tree.

UserError        a person can fix it: printed as one line, without a traceback
  SettingError   a setting is wrong: the line names it, what was expected and the fix
  InputError     a file or command argument is wrong
  LockedError    another process is writing to the lake
RetryableError   the same call may succeed later; retry code asks for this type and nothing else

Anything else that reaches the top is a defect of ours and keeps its traceback.
"""


class UserError(Exception):
    """A mistake its reader can correct. The message is one line and holds no secret or personal value."""


class SettingError(UserError):
    """A wrong setting: ``NAME: expected WHAT, got VALUE (from SOURCE). Fix: ACTION.``"""

    def __init__(self, name: str, got: object, *, expected: str, fix: str, source: str = "environment", secret: bool = False):
        shown = "a value that is not shown" if secret else repr(got)
        super().__init__(f"{name}: expected {expected}, got {shown} (from {source}). Fix: {fix}.")
        self.name = name


class InputError(UserError):
    """A file, folder or argument that cannot be used: ``WHERE: expected WHAT, got VALUE. Fix: ACTION.``"""

    def __init__(self, where: str, got: object, *, expected: str, fix: str):
        super().__init__(f"{where}: expected {expected}, got {got}. Fix: {fix}.")


class LockedError(UserError):
    """Another run holds the lake's lock; nothing was changed."""


class RetryableError(Exception):
    """A failure that a bounded retry may cure."""
