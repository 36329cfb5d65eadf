"""Documents made of blocks, and how each kind of file is written."""
