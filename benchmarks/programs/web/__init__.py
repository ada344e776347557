"""Applications as people have them: each user sees a page, or a list, of what is theirs."""
