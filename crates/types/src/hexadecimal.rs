use alloc::{format, string::String};

/// Octets in lower-case hexadecimal, as identifiers and fingerprints are written.
///
/// Serial numbers and elements have types of their own, which write upper case.
#[must_use]
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_two_signs() {
        assert_eq!(hexadecimal(&[0x00, 0x0A, 0xF0, 0xFF]), "000af0ff");
        assert_eq!(hexadecimal(&[]), "");
    }
}
