"""What the manifest and the lines answer: one function, every function of a model, shares of a range."""
