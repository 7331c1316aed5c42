"""nnlint: a linter and architecture advisor for PyTorch."""
