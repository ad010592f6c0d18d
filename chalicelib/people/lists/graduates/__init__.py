"""The graduate list (毕业生名单): who left school, and whether they have a job."""
