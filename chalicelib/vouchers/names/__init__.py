"""Names: the card's signed name compared with the list's, whenever a voucher is used."""
