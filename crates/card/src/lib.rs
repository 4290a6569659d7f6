//! The applets of the physical card, their personalisation, and reading a card.
