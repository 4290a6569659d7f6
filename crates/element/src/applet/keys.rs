//! Keys: made inside, attested, and given their certificates.

use tefuda_apdu::{Response, StatusWord, tlv};
use tefuda_pki::Certificate;
use tefuda_protocol::{
    Bytes, Signed,
    attestation::{KeyAttestation, KeyUsage, PinPolicy},
    element::object,
};
use tefuda_silicon::{
    Silicon, SiliconRng,
    engine::{P256Key, RsaKey},
};
use tefuda_types::{ElementId, PinKind};

use super::Wallet;
use crate::{
    KeyKinds,
    holder::{Credential, Holder, Pending, PendingAuth, Stage},
    memory::{Fault, Identity, Memory, Persistent, Private},
    session::Volatile,
};

/// Version of the applet in attestations.
const APPLET_VERSION: &str = "1.0";

/// The element's word for one of its keys.
pub(crate) fn attest(
    element: ElementId,
    attestation_key: &P256Key,
    (usage, public_key): (KeyUsage, Vec<u8>),
    nonce: &[u8; 16],
) -> Result<Signed<KeyAttestation>, Fault> {
    let attestation = KeyAttestation {
        public_key: public_key.into(),
        usage,
        pin_policy: match usage {
            KeyUsage::Sign => PinPolicy::SignaturePassword,
            KeyUsage::Auth => PinPolicy::AuthenticationPin,
            KeyUsage::WalletInstance | KeyUsage::PinEntry => PinPolicy::None,
        },
        applet_version: APPLET_VERSION.to_owned(),
        element,
        nonce: nonce.to_vec().into(),
    };
    let (payload, message) = Signed::prepare(&attestation).map_err(|_| StatusWord::MEMORY_FAILURE)?;
    Ok(Signed::assemble(payload, attestation_key.sign_sha256(&message).into()))
}

/// Attestations of keys that wait, in the order signature, authentication, wallet instance.
fn attest_pending(identity: &Identity, pending: &Pending) -> Result<Vec<Signed<KeyAttestation>>, Fault> {
    let mut keys = Vec::new();
    if let Some(sign) = &pending.sign {
        keys.push((KeyUsage::Sign, RsaKey::from_pkcs8(sign.expose())?.public_spki()?));
    }
    if let Some(PendingAuth { auth, wallet }) = &pending.auth {
        keys.push((KeyUsage::Auth, RsaKey::from_pkcs8(auth.expose())?.public_spki()?));
        keys.push((KeyUsage::WalletInstance, P256Key::from_bytes(wallet.expose())?.public_spki()?));
    }
    let signer = P256Key::from_bytes(identity.attestation_key.expose())?;
    keys.into_iter().map(|key| attest(identity.element, &signer, key, &pending.nonce)).collect()
}

impl Pending {
    const fn kinds(&self) -> (bool, bool) {
        (self.sign.is_some(), self.auth.is_some())
    }
}

impl KeyKinds {
    const fn kinds(self) -> (bool, bool) {
        (matches!(self, Self::Sign | Self::Both), matches!(self, Self::Auth | Self::Both))
    }
}

impl<S: Silicon> Wallet<'_, S> {
    pub(super) fn generate_keys(&mut self, kinds: KeyKinds, nonce: [u8; 16]) -> Result<Response, Fault> {
        let present = self.persistent.applet()?.holder.pending.as_ref();
        if !present.is_some_and(|pending| pending.nonce == nonce && pending.kinds() == kinds.kinds()) {
            // Consent was to what waited before.
            self.volatile.end(self.channel);
            self.volatile.confirmed = false;
            let pending = make(SiliconRng(self.persistent.parts().1), kinds, nonce)?;
            self.persistent.update_applet(|applet| {
                if applet.stage != Stage::Held {
                    // Nobody's keys are in use: passwords of an enrolment that was given up bind nobody.
                    applet.holder = Holder::default();
                }
                applet.holder.pending = Some(pending);
                Ok(())
            })?;
        }
        let memory = self.persistent.memory();
        let pending = self.persistent.applet()?.holder.pending.as_ref().ok_or(StatusWord::CONDITIONS)?;
        let keys = attest_pending(&memory.identity, pending)?;
        Ok(Response::ok(serde_json::to_vec(&keys).map_err(|_| StatusWord::MEMORY_FAILURE)?))
    }
}

fn make<S: Silicon>(mut rng: SiliconRng<'_, S>, kinds: KeyKinds, nonce: [u8; 16]) -> Result<Pending, Fault> {
    let (sign, auth) = kinds.kinds();
    let mut rsa = || -> Result<Private, Fault> { Ok(RsaKey::generate(&mut rng)?.to_pkcs8()?.into()) };
    let sign = if sign { Some(rsa()?) } else { None };
    let auth = if auth { Some(rsa()?) } else { None };
    let auth = auth.map(|auth| PendingAuth { auth, wallet: P256Key::generate(&mut rng).to_bytes().into() });
    Ok(Pending { nonce, sign, auth })
}

/// A certificate and its CA's, as the authority stores them.
type Pair = (Bytes, Bytes);

/// The object with a tag, if there is one. Of two, a parser would take the first and another the last.
fn only(objects: &[u8], tag: u32) -> Result<Option<Bytes>, Fault> {
    let mut found = None;
    for object in tlv::objects(objects) {
        let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
        if object.tag == tag && found.replace(Bytes(object.value.to_vec())).is_some() {
            return Err(StatusWord::WRONG_DATA.into());
        }
    }
    Ok(found)
}

fn pair(objects: &[u8], certificate: u32, ca: u32) -> Result<Option<Pair>, Fault> {
    match (only(objects, certificate)?, only(objects, ca)?) {
        (Some(certificate), Some(ca)) => Ok(Some((certificate, ca))),
        (None, None) => Ok(None),
        _ => Err(StatusWord::WRONG_DATA.into()),
    }
}

/// Takes the certificates that the holder agreed to register, all that belong together in one command.
/// Keys that waited become the present ones. Certificates that are there already are taken again.
pub(crate) fn load_certificates<S: Silicon>(
    persistent: &mut Persistent<S>,
    volatile: &mut Volatile,
    objects: &[u8],
) -> Result<Response, Fault> {
    let sign = pair(objects, object::STORE_SIGN_CERTIFICATE, object::STORE_SIGN_CA)?;
    let auth = pair(objects, object::STORE_AUTH_CERTIFICATE, object::STORE_AUTH_CA)?;
    let memory = persistent.memory();
    let holder = &persistent.applet()?.holder;
    if memory.tampered || (sign.is_none() && auth.is_none()) {
        return Err(StatusWord::CONDITIONS.into());
    }
    if is_present(holder.sign.as_ref(), sign.as_ref()) && is_present(holder.auth.as_ref(), auth.as_ref()) {
        return Ok(StatusWord::OK.into());
    }
    if !volatile.confirmed {
        return Err(StatusWord::CONDITIONS.into());
    }
    let next = with_certificates(holder, sign, auth)?;
    persistent.update_applet(|applet| {
        applet.holder = next;
        applet.stage = Stage::Held;
        Ok(())
    })?;
    volatile.confirmed = false;
    Ok(StatusWord::OK.into())
}

/// Whether what is to be loaded, if anything, is there.
fn is_present(credential: Option<&Credential>, pair: Option<&Pair>) -> bool {
    pair.is_none_or(|(certificate, _)| credential.is_some_and(|present| present.certificate == *certificate))
}

/// The holder's part with the keys that waited in place of the present ones.
fn with_certificates(holder: &Holder, sign: Option<Pair>, auth: Option<Pair>) -> Result<Holder, Fault> {
    let mut next = holder.clone();
    let pending = next.pending.take().ok_or(StatusWord::CONDITIONS)?;
    if pending.kinds() != (sign.is_some(), auth.is_some()) {
        return Err(StatusWord::WRONG_DATA.into());
    }
    let ready = |kind| next.password(kind).is_some();
    if (sign.is_some() && !ready(PinKind::Sign)) || (auth.is_some() && !ready(PinKind::Auth)) {
        return Err(StatusWord::CONDITIONS.into());
    }
    if let (Some(key), Some(pair)) = (pending.sign, sign) {
        next.sign = Some(credential(key, pair)?);
    }
    if let (Some(PendingAuth { auth: key, wallet }), Some(pair)) = (pending.auth, auth) {
        next.auth = Some(credential(key, pair)?);
        next.wallet_key = Some(wallet);
    }
    Ok(next)
}

/// Joins key and certificates, if the certificate is the key's.
fn credential(key: Private, (certificate, ca): Pair) -> Result<Credential, Fault> {
    let parsed = Certificate::from_der(&certificate.0).map_err(|_| StatusWord::WRONG_DATA)?;
    if parsed.public_spki() != RsaKey::from_pkcs8(key.expose())?.public_spki()? {
        return Err(StatusWord::WRONG_DATA.into());
    }
    Ok(Credential { key, certificate, ca })
}

impl Memory {
    /// Lets a password be set anew, once: one octet, the purpose that sets it.
    pub(crate) fn grant_reset(&mut self, value: &[u8]) -> Result<(), Fault> {
        let kind = match value {
            [3] => PinKind::Sign,
            [4] => PinKind::Auth,
            _ => return Err(StatusWord::WRONG_DATA.into()),
        };
        let tampered = self.tampered;
        let holder = &mut self.applet_mut().ok_or(StatusWord::NOT_FOUND)?.holder;
        if tampered || holder.password(kind).is_none() {
            return Err(StatusWord::CONDITIONS.into());
        }
        *holder.grant_mut(kind) = true;
        Ok(())
    }
}
