"""ServiceNow's Table API: incidents, deletions, the catalog's services and relations, risks."""
