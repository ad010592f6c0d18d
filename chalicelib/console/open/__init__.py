"""Pages for everybody: publicity with objections, the institution finder, and every reason code explained."""
