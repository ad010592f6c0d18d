"""Supporting documents (证明材料)."""
