"""The holder's card: a voucher accepted, bound to a phone, its code shown."""
