"""Lists of people (名单): graduate lists and cross-match lists, from upload to applied."""
