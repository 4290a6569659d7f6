//! The phone's reader: where a resident's card comes from.

use std::{fmt::Debug, future::Future, pin::Pin};
use tefuda_apdu::Transceive;
use tefuda_types::ResidentId;
use tefuda_web::Problem;

/// A card on its way into the field.
pub type Holding<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Transceive + Send>, Problem>> + Send + 'a>>;

/// Whoever can hold a resident's card against a phone. The card leaves the field when what is given is dropped.
pub trait CardField: Debug + Send + Sync {
    /// Holds a card against the phone.
    fn hold<'a>(&'a self, resident: &'a ResidentId) -> Holding<'a>;
}
