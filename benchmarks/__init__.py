"""`make bench`: one table of figures, measured with both fake servers. Goals fail nothing."""
