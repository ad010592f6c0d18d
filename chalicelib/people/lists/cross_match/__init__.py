"""The cross-match list (比对名单): people who are employed, in school, deceased …, and since when."""
