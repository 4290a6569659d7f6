//! What a phone's pages have to say next, kept between two of them in memory alone.
#[derive(Debug, Default)]
pub(crate) struct Desk {}
