use core::fmt;
use zeroize::Zeroize;

/// A value that is wiped when dropped and that cannot be printed, cloned, compared or serialised.
///
/// Reading it is spelled out (`expose`), so that a review finds every place by one search.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into keeping.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the moment in which it is used.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
