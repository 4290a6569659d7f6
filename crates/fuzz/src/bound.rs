//! How much memory octets may make a parser hold.

/// Most octets that may be held at one time, beyond the input itself: so many, and so many for each octet given.
///
/// What is counted is what this thread asks of Rust's allocator while the code runs, at its highest; a vector that
/// grows counts twice for a moment, because its old and its new place are held together. What a C library
/// allocates for itself is not seen.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Whatever the input.
    pub octets: u64,
    /// For each octet of the input.
    pub octets_for_each: u64,
}

impl Bound {
    /// Runs a piece of code on an input of so many octets.
    ///
    /// # Panics
    /// If it held more than the bound allows.
    pub fn hold<T>(self, input_octets: usize, run: impl FnOnce() -> T) -> T {
        let mut outcome = None;
        let held = allocation_counter::measure(|| outcome = Some(run()));
        let input = u64::try_from(input_octets).unwrap();
        let most = self.octets + self.octets_for_each * input;
        assert!(held.bytes_max <= most, "{} octets held for {input} given, bound {most}", held.bytes_max);
        outcome.unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Bound = Bound { octets: 100, octets_for_each: 2 };

    #[test]
    fn what_is_held_within_the_bound_is_given_back() {
        assert_eq!(SMALL.hold(10, || vec![7_u8; 110]).len(), 110);
        // One after the other is not at one time.
        SMALL.hold(10, || (0..50_u8).for_each(|octet| drop(vec![octet; 110])));
    }

    #[test]
    #[should_panic(expected = "121 octets held for 10 given, bound 120")]
    fn more_than_the_bound_ends_loudly() {
        SMALL.hold(10, || vec![7_u8; 121]);
    }
}
