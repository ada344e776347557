"""The words: users, bindings, owners, units of work, rules and findings. No hook, no judgement."""
