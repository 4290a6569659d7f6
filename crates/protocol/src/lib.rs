//! What phone, authority and gateway say to one another, and what a holder's keys sign.
