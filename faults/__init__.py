"""What can happen: recording, effects, profiles, crash states, images, kills. Knows no store."""
