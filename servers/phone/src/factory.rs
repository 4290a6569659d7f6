//! How a phone comes about: its maker, the operator's keys, and the hand-over to the authority.

use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use tefuda_apdu::scp03::{Scp03Error, StaticKeys};
use tefuda_element::{Element, factory::Origin};
use tefuda_keys::{KeyError, KeySpace, SystemRandom};
use tefuda_phone::catalogue::Model;
use tefuda_protocol::device::SessionPurpose;
use tefuda_silicon::engine::P256Key;
use tefuda_store::FileSilicon;
use tefuda_types::{Bytes, ElementId, Secret};
use tefuda_web::{ActorContext, Client, Problem};

use crate::{chips::Chips, error::PhoneError, phone::Phone};

/// The root that vouches for elements.
#[derive(Debug)]
struct Root(P256Key);

impl Root {
    /// Opens the root, making it if there is none.
    fn open(keys: &KeySpace) -> Result<Self, KeyError> {
        let fresh = || Ok(P256Key::generate(&mut SystemRandom).to_bytes().expose().clone());
        let scalar = keys.blob("attestation-root", fresh)?;
        P256Key::from_bytes(scalar.expose()).map(Self).map_err(|_| KeyError::Sealed)
    }
}

/// The maker of elements: a role of its own, with its own key space.
#[derive(Debug)]
pub(crate) struct Maker {
    root: Root,
    operator: Client,
    operator_url: String,
}

/// The operator's keys for one element.
#[derive(Deserialize)]
struct IssuerKeys {
    enc: Bytes,
    mac: Bytes,
    dek: Bytes,
}

impl IssuerKeys {
    fn into_static(self) -> Result<StaticKeys, Scp03Error> {
        StaticKeys::new(&self.enc.0, &self.mac.0, &self.dek.0)
    }
}

impl Maker {
    pub(crate) fn open(context: &ActorContext) -> Result<Self, KeyError> {
        let keys = KeySpace::open(&context.home.join("maker"), "maker", context.environment)?;
        Ok(Self {
            root: Root::open(&keys)?,
            operator: Client::new(Some(context.admin_token.clone())),
            operator_url: context.urls.authority(),
        })
    }

    /// The attestation root's public key.
    pub(crate) fn public_key(&self) -> Bytes {
        self.root.0.public_sec1().into()
    }

    /// Makes the root known to the authority. Done again it changes nothing.
    pub(crate) async fn introduce(&self) -> Result<(), Problem> {
        let url = format!("{}/admin/makers", self.operator_url);
        let _: serde_json::Value =
            self.operator.post(&url, &json!({ "public_key": self.public_key() })).await?;
        Ok(())
    }

    /// The element of a phone: opened, or made on a die that is blank. Cut off anywhere, it is made anew.
    pub(crate) async fn element(
        &self,
        die: &Path,
        id: ElementId,
        model: &Model,
        user_verification_key: Secret<[u8; 32]>,
    ) -> Result<Chips, Problem> {
        let silicon = FileSilicon::open(die).map_err(PhoneError::Folder)?;
        let blank = match Element::insert(silicon) {
            Ok(element) => return Ok(Chips::new(element)),
            Err(blank) => blank,
        };
        let url = format!("{}/admin/factory/elements", self.operator_url);
        let family = model.family;
        let keys: IssuerKeys = self.operator.post(&url, &json!({ "element": id, "family": family })).await?;
        let issuer_keys = keys.into_static()?;
        let origin = Origin { element: id, family, issuer_keys, user_verification_key };
        let (unvouched, to_be_signed) = blank.manufacture(origin)?;
        Ok(Chips::new(unvouched.vouch(self.root.0.sign_sha256(&to_be_signed))?))
    }
}

impl Phone {
    /// The operator makes the authority's domain and stores the access rules; the service manager replaces the
    /// keys that it was handed and installs the applet. Repeated after a stop it does no harm.
    pub(crate) async fn hand_over(&self) -> Result<(), Problem> {
        if self.chips.is_none() || self.os().handed_over {
            return Ok(());
        }
        self.session_into_element(SessionPurpose::Provision).await?;
        self.session_into_element(SessionPurpose::HandOver).await?;
        Ok(self.change_os(|os| os.handed_over = true)?)
    }
}
