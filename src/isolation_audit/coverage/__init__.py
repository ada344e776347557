"""Coverage: what an audit could see, what it could not, and one word for both. Judged here and nowhere else."""
