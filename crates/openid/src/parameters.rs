use core::fmt;
use url::form_urlencoded;

use crate::RequestError;

/// Most octets of a query or form: an assertion has some 700, all other parameters together fit in the rest.
const FORM_OCTETS_MAX: usize = 16_384;
/// Most parameters.
const PARAMETERS_MAX: usize = 40;

/// A query or an `application/x-www-form-urlencoded` body, decoded. It can hold codes and assertions, so it
/// prints its names only.
pub struct Parameters(Vec<(String, String)>);

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Parameters {
    /// Decodes a query or form.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`].
    pub fn parse(form: &str) -> Result<Self, RequestError> {
        if form.len() > FORM_OCTETS_MAX {
            return Err(RequestError::TooLarge);
        }
        let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes())
            .take(PARAMETERS_MAX + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > PARAMETERS_MAX { Err(RequestError::TooLarge) } else { Ok(Self(pairs)) }
    }

    /// A parameter that may stand once. One without a value counts as left out (RFC 6749, 3.1).
    ///
    /// # Errors
    /// [`RequestError::Repeated`].
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, RequestError> {
        let mut values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(RequestError::Repeated(name));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`RequestError::Repeated`], [`RequestError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<&str, RequestError> {
        self.one(name)?.ok_or(RequestError::Missing(name))
    }

    /// A parameter that must be there and be what its type says.
    ///
    /// # Errors
    /// [`RequestError::Repeated`], [`RequestError::Missing`], [`RequestError::Malformed`].
    pub fn parsed<T: core::str::FromStr<Err = RequestError>>(
        &self,
        name: &'static str,
    ) -> Result<T, RequestError> {
        self.required(name)?.parse()
    }

    /// Words of a parameter that is a list of them, none if it is left out.
    ///
    /// # Errors
    /// [`RequestError::Repeated`], [`RequestError::Malformed`] for more than `most` of them.
    pub fn words(&self, name: &'static str, most: usize) -> Result<Vec<String>, RequestError> {
        let words: Vec<String> =
            self.one(name)?.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if words.len() > most { Err(RequestError::Malformed(name)) } else { Ok(words) }
    }
}
