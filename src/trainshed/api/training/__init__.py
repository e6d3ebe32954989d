"""What is submitted: estimators and script run configurations, and how a run specification is made of them."""
