"""`make bench`: a table of figures, measured with both fake servers; goals are informative."""
