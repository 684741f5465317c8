"""Programs of any language as subjects: run, talked to line by line, recorded under strace."""
