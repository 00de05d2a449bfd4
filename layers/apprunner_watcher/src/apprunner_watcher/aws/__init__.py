"""Here you find the only room that talks to AWS."""
