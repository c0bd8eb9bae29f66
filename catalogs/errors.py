"""The input is wrong: the caller can mend a file, a column, a value or an option.

    InputError
    ├── CatalogueError  the catalogue as a whole cannot be read (single rows become rejects instead)
    ├── RuleFileError   a recipe, policy, price list or audit suite is wrong
    ├── OptionError     a command's options do not go together or name nothing
    └── SettingsError   a PACKSHOT_* setting or a store's URL is wrong

Every class takes one finished sentence, so that it survives pickling between processes.
"""


class InputError(Exception):
    """The input is wrong; the command ends with exit code 2."""


class CatalogueError(InputError):
    """The catalogue cannot be read as a whole."""


class RuleFileError(InputError):
    """A recipe or another rules file is wrong."""


class OptionError(InputError):
    """An option is wrong, or names nothing that exists."""


class SettingsError(InputError):
    """A setting or a store's URL is wrong."""
