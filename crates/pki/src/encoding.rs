//! DER, and nothing that only looks like it.

use der::{Decode, Encode};

/// What octets encode, if they are the only ones that do (X.690, 10 and 11): a default that is written out all the
/// same, for one, would give one signed text two forms.
pub(crate) fn distinguished<T>(der: &[u8]) -> Option<T>
where
    T: for<'a> Decode<'a> + Encode,
{
    let value = T::from_der(der).ok()?;
    value.to_der().is_ok_and(|only| only == der).then_some(value)
}
