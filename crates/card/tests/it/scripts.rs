//! APDU scripts as test data: `>` a command, `<` the answer (`…` for any data), `!` reset.

use crate::fixture::{card, hex};
use tefuda_apdu::Chip;

fn run(name: &str, script: &str) {
    let mut card = card();
    let mut answer = Vec::new();
    for (number, line) in script.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_at_checked(1) {
            Some((">", command)) => answer = card.process(&hex(command)),
            Some(("!", _)) => {
                card.power_off();
                card.power_on();
            }
            Some(("<", expected)) => {
                let expected = expected.trim();
                let got: String = answer.iter().map(|octet| format!("{octet:02X}")).collect();
                let fits = match expected.strip_prefix('…') {
                    Some(end) => got.ends_with(end.trim()),
                    None => got == expected.replace(' ', ""),
                };
                assert!(fits, "{name}:{}: expected {expected}, got {got}", number + 1);
            }
            _ => {}
        }
    }
}

macro_rules! scripts {
    ($($name:ident),*) => { $(
        #[test]
        fn $name() {
            run(stringify!($name), include_str!(concat!("scripts/", stringify!($name), ".apdu")));
        }
    )* };
}

scripts!(opensc, passwords, master_file, signatures, surface, out_of_order);
