"""Here you find what several rules know in common: the words of programs and clients, and what they prove."""
