"""M-Pesa in Kenya through Safaricom's Daraja API: the PIN prompt ("M-PESA Express") and the enquiry about it."""
