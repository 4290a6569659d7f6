//! The characters that a certificate may hold: JIS X 0208 and JIS X 0212, and ASCII for Latin names.
//!
//! What is outside is replaced by a substitute, and its place marked. The card's face keeps the original.

use encoding_rs::EUC_JP;
use std::{collections::HashSet, sync::OnceLock};

/// Stands for a character that has no better substitute (GETA MARK).
const GETA: char = '〓';

/// Variants that are commonly written by another character.
const SUBSTITUTES: &[(char, char)] = &[
    ('髙', '高'),
    ('﨑', '崎'),
    ('𠮷', '吉'),
    ('𣘺', '橋'),
    ('𠀋', '丈'),
    ('濵', '浜'),
    ('栁', '柳'),
    ('彅', '薙'),
];

fn repertoire() -> &'static HashSet<char> {
    static REPERTOIRE: OnceLock<HashSet<char>> = OnceLock::new();
    REPERTOIRE.get_or_init(|| {
        // Rows 9 to 15 and 85 to 94 of the decoder's table are vendors' extensions of JIS X 0208.
        let rows_0208 = (1_u8..=8).chain(16..=84);
        let two = rows_0208.flat_map(|row| (1..=94).map(move |cell| vec![0xA0 + row, 0xA0 + cell]));
        let three = (1_u8..=94).flat_map(|row| (1..=94).map(move |cell| vec![0x8F, 0xA0 + row, 0xA0 + cell]));
        let decoded = two.chain(three).filter_map(|octets| {
            let text = EUC_JP.decode_without_bom_handling_and_without_replacement(&octets)?;
            text.chars().next()
        });
        decoded.chain(' '..='~').collect()
    })
}

const fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// A text in the certificate's repertoire, and for each of its characters `1` where it stands for another.
#[must_use]
pub fn substitute(text: &str) -> (String, String) {
    let mut written = String::new();
    let mut marks = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if is_variation_selector(character) {
            continue;
        }
        let varied = characters.peek().copied().is_some_and(is_variation_selector);
        let inside = repertoire().contains(&character);
        let listed =
            SUBSTITUTES.iter().find(|(variant, _)| *variant == character).map(|(_, substitute)| *substitute);
        written.push(if inside { character } else { listed.unwrap_or(GETA) });
        marks.push(if inside && !varied { '0' } else { '1' });
    }
    (written, marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_d11_two_people_do_not_look_the_same_unmarked() {
        let marked = |text| substitute(text).1.contains('1');
        // Each beside what it can be taken for: a variant, a composition, a selector, and what nobody sees.
        for (name, like) in [
            ("吉野", "𠮷野"),
            ("髙崎", "高崎"),
            ("葛城", "葛\u{E0100}城"),
            ("辻", "辻\u{FE00}"),
            ("ガイア", "カ\u{3099}イア"),
            ("山田", "山\u{200B}田"),
            ("山田", "山\u{202E}田"),
            ("山田", "山\u{2066}田"),
            ("山田", "\u{FEFF}山田"),
            ("Maria", "M\u{0430}ria\u{200D}"),
            ("神", "\u{FA19}"),
            ("山田", "山\u{0}田"),
        ] {
            assert_ne!(name, like);
            assert!(
                marked(name) || marked(like) || substitute(name).0 != substitute(like).0,
                "{name} {like:?}"
            );
        }
        // Whatever comes: a mark for each character, nothing invisible, and no failure of an encoder.
        let everything = (0..=0x0010_FFFF_u32).step_by(7).filter_map(char::from_u32);
        for character in everything.chain(['\u{202E}', '\u{200B}', '\u{0}', '\u{FEFF}']) {
            let (written, marks) = substitute(&format!("山{character}田"));
            assert_eq!(written.chars().count(), marks.len());
            assert!(!written.chars().any(char::is_control), "{character:?}");
            assert!(!written.contains(['\u{202E}', '\u{200B}', '\u{2066}', '\u{FEFF}', '\u{200D}']));
        }
    }

    #[test]
    fn characters_outside_are_replaced_and_marked() {
        for (text, written, marks) in [
            ("見本　花子", "見本　花子", "00000"),
            ("𠮷野　髙﨑", "吉野　高崎", "10011"),
            ("葛\u{E0100}城　見本", "葛城　見本", "10000"),
            ("MIHON MARIA", "MIHON MARIA", "00000000000"),
            ("丂１２－７", "丂１２－７", "00000"),
            ("\u{1F600}", "〓", "1"),
            ("①", "〓", "1"),
        ] {
            assert_eq!(substitute(text), (written.to_owned(), marks.to_owned()), "{text}");
        }
    }
}
