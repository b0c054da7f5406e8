"""Other libraries: one thin file each, imported only when asked for."""
