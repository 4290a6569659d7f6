use alloc::{format, string::String, vec::Vec};

/// Octets in lower-case hexadecimal, as identifiers and fingerprints are written.
///
/// Serial numbers and elements have types of their own, which write upper case.
#[must_use]
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The octets of pairs of hexadecimal digits, of either case; `None` for anything else.
#[must_use]
pub fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let octet = |pair: &[u8]| {
        // `from_str_radix` takes a sign as well.
        let digits = pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
        u8::from_str_radix(core::str::from_utf8(pair).ok().filter(|_| digits)?, 16).ok()
    };
    text.as_bytes().chunks(2).map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_two_signs() {
        assert_eq!(hexadecimal(&[0x00, 0x0A, 0xF0, 0xFF]), "000af0ff");
        assert_eq!(hexadecimal(&[]), "");
        assert_eq!(from_hexadecimal("000aF0ff"), Some([0x00, 0x0A, 0xF0, 0xFF].to_vec()));
        for wrong in ["0", "000", "+F", "0x", "é", "ｆｆ"] {
            assert_eq!(from_hexadecimal(wrong), None, "{wrong}");
        }
    }
}
