"""Who is who: tokens, the ambient user, owners of objects, bindings of ids, and pseudonyms for what leaves."""
