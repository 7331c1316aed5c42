"""What runs beside the user's code, in the interpreter of the user's project: the standard library and torch, no more.

The folder is started by path (`python nnlint/worker JOBFILE`) and loads itself as `nnlint_worker`, so that none of its
files shadows a module of the standard library. Facts leave it as plain data.
"""
