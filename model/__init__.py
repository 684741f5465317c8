"""What is promised: pure models, promises, the judge, strategies and the Hypothesis machine."""
