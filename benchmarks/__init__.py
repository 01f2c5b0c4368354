"""`make bench`: one table of figures from one run, against both fake servers.

Other processes share the machine, so an absolute time tells little; most figures are ratios of
things that were measured in turn, in the same minute. Goals stand beside the figures and fail
nothing. With `--against`, another revision's plugin is measured by the same benchmarks in turn.
"""
