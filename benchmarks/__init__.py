"""`make bench`: one table of figures from one run, against both fake servers.

Most figures are ratios of things that were measured in turn. Goals fail nothing.
"""
