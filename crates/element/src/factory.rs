//! The maker's factory: a blank die becomes an element that its maker vouches for.

use tefuda_apdu::scp03::StaticKeys;
use tefuda_protocol::{
    Bytes, Signed,
    attestation::{ElementCertificate, KeyUsage},
    element::INITIAL_KEY_VERSION,
};
use tefuda_silicon::{Silicon, SiliconRng, engine::P256Key};
use tefuda_types::{ElementId, Family, Secret};

use crate::{
    applet::attest,
    element::{Element, ElementError},
    memory::{Fault, Identity, Issuer, KeySet, Memory, Persistent, Private},
};

/// Nonce in the attestation of the PIN-entry key, which is made before any application.
const NO_NONCE: [u8; 16] = [0; 16];

/// A die that is no element yet.
#[derive(Debug)]
pub struct Blank<S>(S);

/// What a new element is told.
#[derive(Debug)]
pub struct Origin {
    /// Its identity, which diversifies its keys.
    pub element: ElementId,
    /// Family of phones that it is made for.
    pub family: Family,
    /// Keys of the operator's domain, version [`INITIAL_KEY_VERSION`].
    pub issuer_keys: StaticKeys,
    /// Shared with the operating system of the phone that it is soldered into.
    pub user_verification_key: Secret<[u8; 32]>,
}

/// An element whose maker has not vouched for it yet. Nothing of it is on the die.
#[derive(Debug)]
pub struct Unvouched<S> {
    silicon: S,
    payload: Bytes,
    attestation_key: P256Key,
    pin_entry_key: P256Key,
    origin: Origin,
}

impl<S: Silicon> Blank<S> {
    pub(crate) const fn new(silicon: S) -> Self {
        Self(silicon)
    }

    /// Makes the element's own keys inside, and gives what the maker's root has to sign (ECDSA P-256 with
    /// SHA-256, `r ‖ s`).
    ///
    /// # Errors
    /// [`ElementError::Engine`].
    pub fn manufacture(mut self, origin: Origin) -> Result<(Unvouched<S>, Vec<u8>), ElementError> {
        let mut rng = SiliconRng(&mut self.0);
        let (attestation_key, pin_entry_key) = (P256Key::generate(&mut rng), P256Key::generate(&mut rng));
        let certificate = ElementCertificate {
            element: origin.element,
            family: origin.family,
            attestation_key: attestation_key.public_sec1().into(),
        };
        let (payload, to_be_signed) = Signed::prepare(&certificate).map_err(|_| ElementError::Engine)?;
        let unvouched = Unvouched { silicon: self.0, payload, attestation_key, pin_entry_key, origin };
        Ok((unvouched, to_be_signed))
    }
}

impl<S: Silicon> Unvouched<S> {
    /// Takes the maker's signature and writes the element on its die.
    ///
    /// # Errors
    /// [`ElementError::PowerCut`]: the die is blank or an element. [`ElementError::Engine`].
    pub fn vouch(self, signature: Vec<u8>) -> Result<Element<S>, ElementError> {
        let Self { silicon, payload, attestation_key, pin_entry_key, origin } = self;
        let element = origin.element;
        let public = pin_entry_key.public_spki().map_err(Fault::from)?;
        let pin_entry = attest(element, &attestation_key, (KeyUsage::PinEntry, public), &NO_NONCE)?;
        let identity = Identity {
            element,
            attestation_key: attestation_key.to_bytes().into(),
            certificate: Signed::assemble(payload, signature.into()),
            pin_entry_key: pin_entry_key.to_bytes().into(),
            pin_entry,
            user_verification_key: Private::new(origin.user_verification_key.expose()),
        };
        let keys = KeySet::new(INITIAL_KEY_VERSION, &origin.issuer_keys, 1);
        let issuer = Issuer { keys, rules: Vec::new() };
        let (form, tampered, residue, authority) = (Memory::FORM, false, false, None);
        let memory = Memory { form, identity, tampered, residue, issuer, authority };
        Ok(Element::new(Persistent::begin(silicon, memory)?))
    }
}
