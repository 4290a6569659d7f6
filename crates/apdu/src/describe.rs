//! Command and response as a person reads them, without what must not be shown.
//!
//! Passwords are masked, and what a chip gives to be read is told by its length only: certificates and files
//! are personal data.

use alloc::{
    format,
    string::{String, ToString},
};

use crate::{Command, Response, StatusWord};

/// Octets of data that are shown at most.
const SHOWN_OCTETS_MAX: usize = 48;

/// One exchange with a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// `VERIFY •••• → 63C4`.
    pub line: String,
    /// The command in hexadecimal, passwords masked.
    pub command: String,
    /// The response in hexadecimal, what was read masked.
    pub response: String,
    /// How it ended; `None` if that is no response APDU.
    pub status: Option<StatusWord>,
}

/// What an instruction is called (ISO 7816-4; GlobalPlatform Card Specification, table 11-1; JICSAP).
const fn name(cla: u8, ins: u8) -> Option<&'static str> {
    Some(match (cla & 0x80, ins) {
        (0x00, 0x20) => "VERIFY",
        (0x00, 0x24) => "CHANGE REFERENCE DATA",
        (0x00, 0x70) => "MANAGE CHANNEL",
        (_, 0x84) => "GET CHALLENGE",
        (_, 0x82) => "EXTERNAL AUTHENTICATE",
        (0x00, 0x88) => "INTERNAL AUTHENTICATE",
        (0x00, 0xA4) => "SELECT",
        (0x00, 0xB0) => "READ BINARY",
        (0x00, 0xB2) => "READ RECORD",
        (0x00, 0xC0) => "GET RESPONSE",
        (_, 0xCA) => "GET DATA",
        (0x80, 0x20) => "PRESENT PIN",
        (0x80, 0x21) => "PRESENT TOKEN",
        (0x80, 0x22) => "BIOMETRICS",
        (0x80, 0x2A) => "SIGN",
        (0x80, 0x2C) => "CONFIRM",
        (0x80, 0x32) => "CHANGE KEY",
        (0x80, 0x46) => "GENERATE KEYS",
        (0x80, 0x50) => "INITIALIZE UPDATE",
        (0x80, 0xD8) => "PUT KEY",
        (0x80, 0xE2) => "STORE DATA",
        (0x80, 0xE4) => "DELETE",
        (0x80, 0xE6) => "INSTALL",
        (0x80, 0xF2) => "GET STATUS",
        _ => return None,
    })
}

/// Instructions whose data are a password in clear.
const fn carries_password(command: &Command) -> bool {
    matches!((command.cla & 0x80, command.ins), (0x00, 0x20 | 0x24) | (0x80, 0x32))
        && !command.data.is_empty()
}

/// Instructions whose answers are read from files.
const fn reads(ins: u8) -> bool {
    matches!(ins, 0xB0 | 0xB2 | 0xCA)
}

fn hex(octets: &[u8]) -> String {
    let shown: String = octets.iter().take(SHOWN_OCTETS_MAX).map(|octet| format!("{octet:02X} ")).collect();
    let rest = octets.len().saturating_sub(SHOWN_OCTETS_MAX);
    if rest == 0 { shown.trim_end().to_string() } else { format!("{shown}… (+{rest})") }
}

/// An exchange, described.
#[must_use]
pub fn exchange(command: &[u8], response: &[u8]) -> Exchange {
    let answered = Response::from_bytes(response).ok();
    let status = answered.as_ref().map(|response| response.status);
    let outcome = status.map_or_else(|| "–".to_string(), |status| status.to_string());
    let Ok(parsed) = Command::parse(command) else {
        let line = format!("? → {outcome}");
        return Exchange { line, command: hex(command), response: hex(response), status };
    };
    let called = name(parsed.cla, parsed.ins)
        .map_or_else(|| format!("{:02X} {:02X}", parsed.cla, parsed.ins), ToString::to_string);
    let header = hex(&[parsed.cla, parsed.ins, parsed.p1, parsed.p2]);
    let masked = carries_password(&parsed);
    // Secure messaging (ISO 7816-4, 5.4.1; GlobalPlatform Card Specification, 11.1.4).
    let protected = parsed.cla & 0x84 == 0x84;
    let (mark, sent) = if masked {
        (" ••••", format!("{header} ••••"))
    } else {
        (if protected { " (SM)" } else { "" }, hex(command))
    };
    let data = answered.as_ref().map_or(0, |response| response.data.len());
    let length = if data > 0 { format!("{data} B ") } else { String::new() };
    let received =
        if reads(parsed.ins) && data > 0 { format!("({data} B) {outcome}") } else { hex(response) };
    Exchange {
        line: format!("{called}{mark} → {length}{outcome}"),
        command: sent,
        response: received,
        status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown_and_its_tries_are() {
        let verify = exchange(b"\x00\x20\x00\x80\x041234", &[0x63, 0xC2]);
        assert_eq!(verify.line, "VERIFY •••• → 63C2");
        assert_eq!(verify.command, "00 20 00 80 ••••");
        let change = exchange(b"\x80\x32\x00\x80\x041234", &[0x90, 0x00]);
        assert!(!change.command.contains("31 32"), "{}", change.command);
        let tries = exchange(&[0x00, 0x20, 0x00, 0x80], &[0x63, 0xC3]);
        assert_eq!(tries.command, "00 20 00 80");
    }

    #[test]
    fn what_is_read_is_told_by_its_length() {
        let read = exchange(&[0x00, 0xB0, 0x00, 0x00, 0x00], b"personal\x90\x00");
        assert_eq!((read.line.as_str(), read.response.as_str()), ("READ BINARY → 8 B 9000", "(8 B) 9000"));
        assert_eq!(exchange(&[1], &[]).line, "? → –");
    }
}
