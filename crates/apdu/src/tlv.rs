//! BER-TLV as ISO 7816-4, 5.2.2 has it.
