"""The lane of crashes in recovery, one after another."""
