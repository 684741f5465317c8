"""What is run: subjects, scenarios, and the run that chains recording, crash states, judgement."""
