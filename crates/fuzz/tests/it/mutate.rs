//! Mutations that repeat: from one seed always the same.

use tefuda_apdu::tlv;

/// splitmix64.
pub struct Dice(pub u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below a limit; 0 if the limit is.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.draw() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn octet(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }

    /// One to four mutations of an input, some with pieces of another.
    pub fn mutate(&mut self, octets: &[u8], other: &[u8]) -> Vec<u8> {
        let mut changed = octets.to_vec();
        for _ in 0..=self.below(4) {
            self.step(&mut changed, other);
        }
        changed
    }

    fn step(&mut self, changed: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(changed.len());
        match self.below(9) {
            0 => changed.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << self.below(8)),
            1 => changed.iter_mut().skip(at).take(1).for_each(|octet| *octet = self.octet()),
            2 => changed.truncate(at),
            3 => changed.insert(at, self.octet()),
            4 => drop(changed.drain(at..changed.len().min(at + 1 + self.below(8)))),
            5 => self.length_field(changed, at),
            6 => {
                let from = self.below(other.len());
                changed.truncate(at);
                changed.extend_from_slice(&other[from..]);
            }
            7 => {
                let piece = changed[at..changed.len().min(at + 1 + self.below(64))].to_vec();
                changed.splice(at..at, piece);
            }
            _ => *changed = self.object(changed, 0),
        }
    }

    /// Two octets, taken for a length, become a little or much more or less.
    fn length_field(&mut self, changed: &mut [u8], at: usize) {
        let Some(field) = changed.get_mut(at..at + 2) else { return };
        let length = u16::from_be_bytes([field[0], field[1]]);
        let length = match self.below(4) {
            0 => length.wrapping_add(1),
            1 => length.wrapping_sub(1),
            2 => 0xFFFF,
            _ => 0x8000 | length,
        };
        field.copy_from_slice(&length.to_be_bytes());
    }

    /// One object of a tree of BER-TLV grows, shrinks, goes or doubles, and the lengths around it stay right.
    fn object(&mut self, octets: &[u8], depth: usize) -> Vec<u8> {
        let objects: Vec<_> = tlv::objects(octets).map_while(Result::ok).collect();
        let chosen = self.below(objects.len());
        let Some(object) = objects.get(chosen) else { return self.grown(octets) };
        let constructed = object.object.first().is_some_and(|tag| tag & 0x20 != 0);
        let value = match self.below(8) {
            0 => Vec::new(),
            1 => [object.value, object.value].concat(),
            2 => object.value[..self.below(object.value.len())].to_vec(),
            3 => self.grown(object.value),
            _ if constructed && depth < 12 => self.object(object.value, depth + 1),
            _ => self.grown(object.value),
        };
        let others =
            |from: &[tlv::Tlv<'_>]| from.iter().flat_map(|own| own.object.to_vec()).collect::<Vec<_>>();
        let (before, after) = (others(&objects[..chosen]), others(&objects[chosen + 1..]));
        let changed = tlv::encode(object.tag, &value);
        match self.below(8) {
            0 => [before, after].concat(),
            1 => [before, changed.clone(), changed, after].concat(),
            _ => [before, changed, after].concat(),
        }
    }

    fn grown(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut grown = octets.to_vec();
        let (at, octet) = (self.below(grown.len() + 1), self.octet());
        grown.insert(at, octet);
        grown
    }
}
