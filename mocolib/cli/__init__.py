"""Parts of the command line; `mocolib.__main__` puts them together."""
