//! One session with a token, and the keys that were found in it.

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session as Pkcs11Session, SessionState, UserType},
    slot::Slot,
    types::{AuthPin, Ulong},
};
use p256::ecdsa::Signature;
use std::collections::HashMap;
use tefuda_pki::SignatureAlgorithm;

use super::{
    KeyLabel,
    error::{Fault, TokenError},
    module::Started,
    spki,
};

/// Bits of an RSA key.
const MODULUS_BITS: Ulong = Ulong::new(2_048);
/// Octets of a key that seals.
const SEALING_OCTETS: Ulong = Ulong::new(32);
/// The public exponent, 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// `prime256v1` (RFC 5480, 2.1.1.1), DER.
const CURVE: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// A logged-in session. It is not closed when it is dropped: after a new start of the library, its number may be
/// another's.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) epoch: u64,
    slot: Slot,
    label: String,
    session: Pkcs11Session,
    found: HashMap<KeyLabel, ObjectHandle>,
}

impl Session {
    /// Finds the token by its label and logs in. A PIN that was refused once is the caller's to remember.
    pub(super) fn open(started: &Started, label: &str, pin: &AuthPin) -> Result<Self, Fault> {
        let slot = slot(started, label)?;
        let session = started.library.open_rw_session_no_drop(slot)?;
        let made =
            Self { epoch: started.epoch, slot, label: label.to_owned(), session, found: HashMap::new() };
        match made.session.login(UserType::User, Some(pin)) {
            // Who is logged in is one state of all sessions of a process with a token (PKCS #11, 5.6).
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(made),
            Err(error) => {
                made.close(started);
                Err(error.into())
            }
        }
    }

    /// Ends it, if the library still knows it.
    pub(super) fn close(self, started: &Started) {
        if self.epoch == started.epoch {
            // One that is lost cannot be closed, and need not be.
            let _ = self.session.close();
        }
    }

    /// That the token is in its slot and the session logged in.
    pub(super) fn probe(&self, started: &Started) -> Result<(), Fault> {
        if !is_called(started, self.slot, &self.label) {
            return Err(Fault::Lost(TokenError::Absent(self.label.clone())));
        }
        match self.session.get_session_info()?.session_state() {
            SessionState::RwUser => Ok(()),
            _ => Err(Fault::Lost(TokenError::SessionLost)),
        }
    }

    /// A signing key's `SubjectPublicKeyInfo`, made if the token has none of the name. One that a cut left behind
    /// is taken up if it never was outside.
    pub(super) fn ensure(
        &mut self,
        started: &Started,
        key: &KeyLabel,
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, Fault> {
        // A token that is gone has no keys either: that is no reason to make one.
        self.probe(started)?;
        let handle = match self.objects(key, ObjectClass::PRIVATE_KEY)?.as_slice() {
            [] => self.generate(key, algorithm)?,
            [one] => *one,
            _ => return Err(TokenError::KeyWrong(key.to_string()).into()),
        };
        self.expect_held_fast(key, handle)?;
        let public = self.public_key(key, handle, algorithm)?;
        Ok(public.ok_or_else(|| TokenError::Refused("no public key beside the private one".to_owned()))?)
    }

    fn generate(&self, key: &KeyLabel, algorithm: SignatureAlgorithm) -> Result<ObjectHandle, Fault> {
        let (mechanism, size) = match algorithm {
            SignatureAlgorithm::Rsa2048Sha256 => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![Attribute::ModulusBits(MODULUS_BITS), Attribute::PublicExponent(EXPONENT.to_vec())],
            ),
            SignatureAlgorithm::EcdsaP256Sha256 => {
                (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(CURVE.to_vec())])
            }
            _ => return Err(TokenError::Refused("no such algorithm".to_owned()).into()),
        };
        let mut public = key.attributes();
        public.extend([Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true)]);
        public.extend(size);
        let (_, private) = self.session.generate_key_pair(&mechanism, &public, &held_fast(key))?;
        Ok(private)
    }

    /// 32 octets that only this token makes of `input`, with a key that is made if there is none.
    pub(super) fn derive(
        &mut self,
        started: &Started,
        key: &KeyLabel,
        input: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        self.probe(started)?;
        let handle = match self.objects(key, ObjectClass::SECRET_KEY)?.as_slice() {
            [] => {
                let mut template = held_fast(key);
                template.push(Attribute::ValueLen(SEALING_OCTETS));
                self.session.generate_key(&Mechanism::GenericSecretKeyGen, &template)?
            }
            [one] => *one,
            _ => return Err(TokenError::KeyWrong(key.to_string()).into()),
        };
        self.expect_held_fast(key, handle)?;
        Ok(self.session.sign(&Mechanism::Sha256Hmac, handle, input)?)
    }

    /// Signs with a key whose public half is registered as `registered`. What comes out is not yet believed.
    pub(super) fn sign(
        &mut self,
        key: &KeyLabel,
        algorithm: SignatureAlgorithm,
        registered: &[u8],
        message: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let handle = match self.found.get(key) {
            Some(handle) => *handle,
            None => {
                let handle = self.private_key(key)?;
                self.expect_held_fast(key, handle)?;
                let public = self.public_key(key, handle, algorithm)?;
                if public.is_some_and(|public| public != registered) {
                    return Err(TokenError::KeyWrong(key.to_string()).into());
                }
                self.found.insert(key.clone(), handle);
                handle
            }
        };
        if algorithm == SignatureAlgorithm::Rsa2048Sha256 {
            return Ok(self.session.sign(&Mechanism::Sha256RsaPkcs, handle, message)?);
        }
        let hash = digest(&SHA256, message);
        let raw = self.session.sign(&Mechanism::Ecdsa, handle, hash.as_ref())?;
        let signature = Signature::from_slice(&raw)
            .map_err(|_| TokenError::Refused("what it made is no signature".to_owned()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn objects(&self, key: &KeyLabel, class: ObjectClass) -> Result<Vec<ObjectHandle>, Fault> {
        let mut template = key.attributes();
        template.push(Attribute::Class(class));
        Ok(self.session.find_objects(&template)?)
    }

    fn private_key(&self, key: &KeyLabel) -> Result<ObjectHandle, Fault> {
        match self.objects(key, ObjectClass::PRIVATE_KEY)?.as_slice() {
            [one] => Ok(*one),
            // A token that was pulled shows an empty slot to who was logged in: looked at again from the start.
            [] => Err(Fault::Lost(TokenError::KeyMissing(key.to_string()))),
            _ => Err(TokenError::KeyWrong(key.to_string()).into()),
        }
    }

    /// That a key was made in the token, stays there and is never shown.
    fn expect_held_fast(&self, key: &KeyLabel, handle: ObjectHandle) -> Result<(), Fault> {
        let asked = [
            AttributeType::Sensitive,
            AttributeType::AlwaysSensitive,
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
        ];
        let told = self.session.get_attributes(handle, &asked)?;
        let fast = asked.iter().all(|asked| {
            told.iter().any(|told| {
                told.attribute_type() == *asked
                    && match told {
                        Attribute::Sensitive(yes)
                        | Attribute::AlwaysSensitive(yes)
                        | Attribute::NeverExtractable(yes) => *yes,
                        Attribute::Extractable(yes) => !yes,
                        _ => false,
                    }
            })
        });
        if fast { Ok(()) } else { Err(TokenError::KeyExportable(key.to_string()).into()) }
    }

    /// The public half, where the token tells it: of an RSA key it is in the private one, of a point it is an object
    /// of its own.
    fn public_key(
        &self,
        key: &KeyLabel,
        private: ObjectHandle,
        algorithm: SignatureAlgorithm,
    ) -> Result<Option<Vec<u8>>, Fault> {
        if algorithm == SignatureAlgorithm::Rsa2048Sha256 {
            let told = self.session.get_attributes(private, &[AttributeType::Modulus])?;
            let modulus = told.into_iter().find_map(|told| match told {
                Attribute::Modulus(modulus) => Some(modulus),
                _ => None,
            });
            return Ok(modulus.and_then(|modulus| spki::of_modulus(&modulus)));
        }
        let [public] = self.objects(key, ObjectClass::PUBLIC_KEY)?[..] else { return Ok(None) };
        let told = self.session.get_attributes(public, &[AttributeType::EcPoint])?;
        let point = told.into_iter().find_map(|told| match told {
            Attribute::EcPoint(point) => Some(point),
            _ => None,
        });
        Ok(point.and_then(|point| spki::of_point(&point)))
    }
}

/// Attributes of a key that stays in the token and does nothing but sign.
fn held_fast(key: &KeyLabel) -> Vec<Attribute> {
    let mut attributes = key.attributes();
    attributes.extend([
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ]);
    attributes
}

/// The slot of the token of this label.
fn slot(started: &Started, label: &str) -> Result<Slot, Fault> {
    let mut called = started.library.get_slots_with_token()?;
    called.retain(|slot| is_called(started, *slot, label));
    match called.as_slice() {
        [one] => Ok(*one),
        [] => Err(Fault::Lost(TokenError::Absent(label.to_owned()))),
        _ => Err(TokenError::Ambiguous(label.to_owned()).into()),
    }
}

/// Whether the token in a slot is the one of this label. A slot that fails has none.
fn is_called(started: &Started, slot: Slot, label: &str) -> bool {
    let told = started.library.get_token_info(slot);
    told.is_ok_and(|token| token.token_initialized() && token.label() == label)
}
