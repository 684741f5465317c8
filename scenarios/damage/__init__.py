"""The lane of bit rot and foreign files: what is damaged, what a store does then, what it owes."""
