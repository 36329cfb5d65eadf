"""The web pages of a trial: they ask, call and show; what counts is done below them."""
