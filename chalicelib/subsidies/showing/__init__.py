"""How a claim and its lines are shown: with what holds each, why, since when and who lifts it."""
