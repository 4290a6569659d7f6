//! The hand that holds a resident's card against a phone.

use serde_json::json;
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};
use tefuda_apdu::{LinkError, Response, Transceive};
use tefuda_control_server::{CardTable, HeldCard};
use tefuda_phone_server::{CardField, Holding};
use tefuda_reader::{
    Contact,
    vpcd::{Field, Slot},
};
use tefuda_types::ResidentId;
use tefuda_web::{ActorContext, Client, Problem};

/// How long a card may take to be back on the table.
const BACK_TIMEOUT: Duration = Duration::from_secs(2);

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

/// Has cards held against this phone by another process, as against any virtual reader.
#[derive(Debug)]
pub struct OverTheTable {
    client: Client,
    control: String,
}

impl OverTheTable {
    /// The table of the control room that the context names.
    pub fn new(context: &ActorContext) -> Self {
        Self { client: Client::new(Some(Arc::clone(&context.admin_token))), control: context.urls.control() }
    }
}

/// A card that another process holds against the phone.
struct Lent {
    field: Option<Field>,
    back: mpsc::Receiver<()>,
}

impl Transceive for Lent {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        self.field.as_mut().ok_or(LinkError::Torn)?.transceive(command)
    }
}

impl Drop for Lent {
    /// The card is back on the table before anybody else asks for it.
    fn drop(&mut self) {
        drop(self.field.take());
        // A table that is gone gives nothing back.
        let _ = self.back.recv_timeout(BACK_TIMEOUT);
    }
}

impl CardField for OverTheTable {
    fn hold<'a>(&'a self, resident: &'a ResidentId) -> Holding<'a> {
        Box::pin(async move {
            let (slot, address) = Slot::open().map_err(|_| Problem::from(LinkError::Torn))?;
            let url = format!("{}/admin/cards/{resident}/hold", self.control);
            let mut held = self.client.open(&url, &json!({ "to": address })).await?;
            let field = slot.take().map_err(|_| Problem::from(LinkError::Torn))?;
            let (sender, back) = mpsc::channel();
            tokio::spawn(async move {
                while let Ok(Some(_)) = held.chunk().await {}
                drop(sender);
            });
            Ok(Box::new(Lent { field: Some(field), back }) as Box<dyn Transceive + Send>)
        })
    }
}
