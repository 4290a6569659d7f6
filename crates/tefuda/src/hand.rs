//! The hand that holds a resident's card against a phone.

use std::sync::Arc;
use tefuda_apdu::{LinkError, Response, Transceive};
use tefuda_control_server::{CardTable, HeldCard};
use tefuda_phone_server::{CardField, Holding};
use tefuda_reader::Contact;
use tefuda_types::ResidentId;

/// Takes cards from the table.
#[derive(Debug)]
pub struct InHand(pub Arc<CardTable>);

/// A card in the phone's field. Fields are dropped in their order: out of the field, then back on the table.
struct Held {
    contact: Contact,
    _card: HeldCard,
}

impl Transceive for Held {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        self.contact.transceive(command)
    }
}

impl CardField for InHand {
    fn hold<'a>(&'a self, resident: &'a ResidentId) -> Holding<'a> {
        Box::pin(async move {
            let card = self.0.pick_up(resident).await?;
            Ok(Box::new(Held { contact: card.contact(), _card: card }) as Box<dyn Transceive + Send>)
        })
    }
}
