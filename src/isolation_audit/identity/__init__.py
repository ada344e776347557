"""Who is who: tokens, the ambient user, owners of objects, bindings of ids, and the pseudonyms that leave the process."""
