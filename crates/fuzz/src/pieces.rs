//! An input that is a sequence: for each piece two octets, of which the two highest bits say on which way it goes
//! and the others how long it is, and then so many octets.

/// Most pieces that are looked at.
const PIECES_MAX: usize = 24;
/// The bits of the length.
const LENGTH: u16 = 0x3FFF;

/// A piece and its way, 0 to 3.
pub fn pieces(mut octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let (head, rest) = octets.split_first_chunk::<2>()?;
        let head = u16::from_be_bytes(*head);
        let (piece, rest) = rest.split_at(usize::from(head & LENGTH).min(rest.len()));
        octets = rest;
        Some((head >> 14, piece))
    })
    .take(PIECES_MAX)
}
