"""What people are told while one of the plugin's databases cannot be used."""

from plex.index_database import is_about_index


def database_fault(error: Exception) -> str:
    """Return why nothing goes on, with the file that is to blame; no full stop."""
    if is_about_index(error):
        return (
            f"The index of Plex's files (library.db) cannot be used: {error}. Free it, or delete "
            "it: it is made anew"
        )
    return f"The queue's database cannot be used: {error}"
