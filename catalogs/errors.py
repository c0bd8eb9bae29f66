"""Input errors: the caller can correct a file, a column, a value or an option.

Inputs: one finished sentence for each error. Outputs: exception classes.

    InputError          exit code 2
    ├── CatalogueError  the catalogue as a whole cannot be read (single rows become rejects instead)
    │   └── MissingColumns  the recipe reads columns that the catalogue does not have
    ├── RuleFileError   a recipe, policy, price list or audit suite is wrong
    ├── OptionError     a command's options contradict each other or name nothing that exists
    │   ├── PolicyChanged  another policy came into force since a batch was decided
    │   └── ItemNotFound   an image or prompt for review is no longer asked about, or has no such picture
    └── SettingsError   a PACKSHOT_* setting or a store's URL is wrong

Every class takes a single argument, a full sentence, so that it survives pickling between processes.

Outside this tree, with the reason:
- `PromptRenderError` (`catalogs.recipe.templates`) concerns one row: the planner turns it into a reject.
- `_DisallowedSyntax` (`catalogs.recipe.templates`) never leaves its module, which raises `RuleFileError` for it.
- `ExtendingError` (`catalogs.recipe.extending`) leaves a recipe's loading as a `RuleFileError`, which knows the line.
- `TemplateTooLarge` (`catalogs.recipe.rendered_size`) leaves a recipe's templates as a `RuleFileError`.
- `LibraryUnreadable` (`catalogs.stages.library`) leaves the reading of a store as a `DocumentUnreadable`.
- `BatchTotalsMismatch` (`catalogs.runs.release_batch`) is a defect of Packshot's, so it ends as an unexpected error.
"""


class InputError(Exception):
    """The input is wrong, and the caller can correct it."""

    exit_code = 2


class CatalogueError(InputError):
    """The catalogue cannot be read as a whole."""


class MissingColumns(CatalogueError):
    """The recipe reads columns that the catalogue does not have."""


class RuleFileError(InputError):
    """A recipe or another rule file is wrong."""


class OptionError(InputError):
    """An option is wrong, or names nothing that exists."""


class PolicyChanged(OptionError):
    """Another policy came into force since a batch was decided; the batch must be decided again."""


class ItemNotFound(OptionError):
    """Nothing of this name waits for a person."""


class SettingsError(InputError):
    """A setting or a store's URL is wrong."""
