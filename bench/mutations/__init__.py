"""Sound programs, the defects that are put into them, and what nnlint says of each."""
