"""Drop-in replacements: packages that have the names and the behaviour of other libraries."""
