//! The municipal counter: cards are personalised, ended and reported lost here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tefuda_authority::{era, issuance, matrix::Action, register::Resident};
use tefuda_card::{
    face::{self, Face, FaceIssuer, Images},
    personalisation::{CardProfile, KeySlot, Passwords, Personalisation},
};
use tefuda_pki::crl::RevocationReason;
use tefuda_types::{Bytes, CertificateKind, CertificateStatus, Clock, ResidentId, Timestamp};
use tefuda_web::Problem;

use crate::{
    Authority,
    ca::Issued,
    face::RECORDS_ID,
    issuing::Request,
    registrar::{CardCertificate, CardView, PinsView, ResidentView},
};

/// A card is expiring when its certificates have less than this left: three months.
const EXPIRING_SECONDS: i64 = 90 * 86_400;
/// The card's own certificates, in the order of lists.
pub const CARD_KINDS: [CertificateKind; 2] = [CertificateKind::CardSign, CertificateKind::CardAuth];

/// Drawn, never photographed; the pictures of texts are patterns (docs/decisions/0011).
const PORTRAITS: [&[u8]; 3] = [
    include_bytes!("../data/portrait-1.jp2"),
    include_bytes!("../data/portrait-2.jp2"),
    include_bytes!("../data/portrait-3.jp2"),
];
const NAME_IMAGE: &[u8] = include_bytes!("../data/name.png");
const ADDRESS_IMAGE: &[u8] = include_bytes!("../data/address.png");
const NUMBER_IMAGE: &[u8] = include_bytes!("../data/number.png");
const CODE_IMAGE: &[u8] = include_bytes!("../data/code.png");

/// The public keys of a new card.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewCard {
    /// `SubjectPublicKeyInfo` in DER, by slot.
    pub keys: BTreeMap<KeySlot, Bytes>,
}

impl Authority {
    /// Everybody, with the state of their cards.
    pub(crate) async fn residents(&self, reveal: bool) -> Result<Vec<ResidentView>, Problem> {
        let mut views = Vec::new();
        for resident in self.registrar.residents().await? {
            views.push(self.view(&resident, reveal).await?);
        }
        Ok(views)
    }

    /// One resident.
    pub(crate) async fn resident_view(&self, id: &ResidentId, reveal: bool) -> Result<ResidentView, Problem> {
        let resident = self.registrar.resident(id).await??;
        self.view(&resident, reveal).await
    }

    async fn view(&self, resident: &Resident, reveal: bool) -> Result<ResidentView, Problem> {
        let now = self.context.clock.civil();
        let mut certificates = Vec::new();
        for kind in CARD_KINDS {
            if let Some(issued) = self.ca(kind).of_holder(resident.id.as_str()).await?.into_iter().next() {
                certificates.push(CardCertificate {
                    kind,
                    serial: issued.serial,
                    not_after: issued.not_after,
                    status: issued.standing.status(),
                });
            }
        }
        let expires = issuance::card_period(resident).map(|period| period.not_after).ok();
        let state = card_state(resident, &certificates, expires, now);
        let no_signature = resident.without_signature(now);
        let in_force = certificates.iter().all(|line| line.status == CertificateStatus::Valid);
        Ok(ResidentView {
            id: resident.id.clone(),
            name: resident.name.clone(),
            individual_number: if reveal {
                resident.individual_number.clone()
            } else {
                "************".to_owned()
            },
            birth_date: reveal.then(|| {
                let (year, month, day) = resident.born;
                format!("{year:04}-{month:02}-{day:02}")
            }),
            address: reveal.then(|| resident.address.clone()),
            can_enroll: no_signature.is_none() && in_force && matches!(state, "active" | "expiring"),
            card: CardView { state: state.to_owned(), expires, certificates },
            pins: PinsView::new(resident, no_signature, reveal),
        })
    }

    /// Certifies the keys of a new card and says what goes on it. Asked again with the same keys it gives the
    /// same; with others, what was issued for the lost ones is revoked.
    pub(crate) async fn personalise(
        &self,
        id: &ResidentId,
        card: &NewCard,
    ) -> Result<Personalisation, Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        self.finish_events().await?;
        let resident = self.registrar.resident(id).await??;
        issuance::entitled(&resident)?;
        if let Some(spki) = card.keys.get(&KeySlot::Common) {
            self.registrar.register_card_key(id, spki).await?;
        }
        let sign = self.issue_for_card(&resident, CertificateKind::CardSign, card).await?;
        let auth = self.issue_for_card(&resident, CertificateKind::CardAuth, card).await?;
        let authority = |kind| {
            self.ca(kind)
                .generations()
                .pop()
                .map(|newest| Bytes(newest.certificate.as_der().to_vec()))
                .unwrap_or_default()
        };
        let auth = auth.ok_or(issuance::IssuanceError::Period)?;
        let passwords = Passwords {
            sign: sign.as_ref().map(|_| resident.pins.sign.clone()),
            auth: resident.pins.auth.clone(),
            text: resident.pins.text.clone(),
            card: resident.pins.card.clone(),
            reference_a: resident.individual_number.clone(),
            reference_b: resident.reference_b(),
            birth_date: era::six_digits(resident.birth()),
        };
        let expires =
            resident.card_expires().map(|day| day.strftime("%Y%m%d").to_string()).unwrap_or_default();
        let municipality = &resident.municipality.code;
        let number = format!("{:015}{municipality}{expires}", digits(id.as_str()));
        let key = |slot| card.keys.get(&slot).map(|key| key.0.as_slice()).unwrap_or_default();
        let issuer = FaceIssuer {
            records: &|digest_info: &[u8]| self.face.sign_record(digest_info),
            certificate: &self.face.certificate,
            key_id: RECORDS_ID,
        };
        let surface =
            face::files(&face_of(&resident, &expires), &issuer, key(KeySlot::Text), key(KeySlot::Visual))
                .map_err(|_| tefuda_pki::draft::DraftError::PublicKey)?;
        Ok(Personalisation {
            profile: CardProfile::Rsa2048ToFifthBirthday,
            passwords,
            sign: (sign.map(|issued| issued.der), authority(CertificateKind::CardSign)),
            auth: (auth.der, authority(CertificateKind::CardAuth)),
            token_serial: format!("{:016}", digits(id.as_str())),
            surface,
            common_record: [b"\x01\x1C".as_slice(), number.as_bytes()].concat().into(),
            registry_record: RECORDS_ID.to_vec().into(),
            data_objects: data_objects(&number, municipality, &expires, &self.face.certificate),
        })
    }

    async fn issue_for_card(
        &self,
        resident: &Resident,
        kind: CertificateKind,
        card: &NewCard,
    ) -> Result<Option<Issued>, Problem> {
        let slot = if kind.is_signature() { KeySlot::Sign } else { KeySlot::Auth };
        let Some(spki) = card.keys.get(&slot) else {
            return Err(tefuda_pki::draft::DraftError::PublicKey.into());
        };
        if kind.is_signature() && resident.without_signature(resident.card_issued).is_some() {
            return Ok(None);
        }
        let ca = self.ca(kind);
        let key_id = tefuda_pki::profile::key_identifier(&spki.0)?;
        let key_name: String = tefuda_types::hexadecimal(&key_id);
        let common_name = format!("{}{:015}", resident.municipality.code, digits(resident.id.as_str()));
        let leaf = issuance::leaf(resident, kind, common_name, self.ocsp_url(), resident.card_issued)?;
        let request = Request {
            id: format!("card/{}/{}/{key_name}", resident.id, resident.card_issued),
            holder: resident.id.to_string(),
            device: None,
            leaf,
            spki: spki.0.clone(),
            period: issuance::card_period(resident)?,
        };
        let issued = ca.issue(&request).await?;
        for other in ca.of_holder(resident.id.as_str()).await? {
            if other.serial != issued.serial && other.standing.status() != CertificateStatus::Revoked {
                ca.act(&other.serial, Action::Revoke(RevocationReason::Unspecified)).await?;
            }
        }
        if resident.suspended {
            return Ok(Some(ca.act(&issued.serial, Action::Stop).await?));
        }
        Ok(Some(issued))
    }
}

fn card_state(
    resident: &Resident,
    certificates: &[CardCertificate],
    expires: Option<Timestamp>,
    now: Timestamp,
) -> &'static str {
    let all = |status| !certificates.is_empty() && certificates.iter().all(|line| line.status == status);
    let any = |status| certificates.iter().any(|line| line.status == status);
    match expires {
        None => "none",
        Some(_) if certificates.is_empty() && issuance::entitled(resident).is_err() => "none",
        Some(_) if all(CertificateStatus::Revoked) => "revoked",
        Some(_) if resident.suspended || any(CertificateStatus::Suspended) => "suspended",
        Some(end) if end < now => "expired",
        Some(end) if end.as_second() - now.as_second() < EXPIRING_SECONDS => "expiring",
        Some(_) => "active",
    }
}

/// A number of fifteen digits for a name, the same each time.
pub fn digits(name: &str) -> u64 {
    let mixed = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    4_000_000_000_000_000 / 10 + mixed % 100_000_000_000_000
}

fn face_of(resident: &Resident, expires: &str) -> Face {
    let portrait = PORTRAITS.get(usize::from(resident.sex).min(2)).copied().unwrap_or_default();
    let bytes = |image: &[u8]| Bytes(image.to_vec());
    Face {
        name: resident.name.clone(),
        address: resident.address.clone(),
        birth_date: era::basic(resident.birth()),
        sex: char::from(b'0' + resident.sex % 10),
        individual_number: resident.individual_number.clone(),
        expires: expires.to_owned(),
        municipality: resident.municipality.code.clone(),
        images: Images {
            name: bytes(NAME_IMAGE),
            address: bytes(ADDRESS_IMAGE),
            individual_number: bytes(NUMBER_IMAGE),
            security_code: bytes(CODE_IMAGE),
            portrait: bytes(portrait),
        },
    }
}

/// Data objects of the master file.
fn data_objects(number: &str, municipality: &str, expires: &str, certificate: &[u8]) -> Vec<(u16, Bytes)> {
    let card_number = number.get(..15).unwrap_or_default().as_bytes().to_vec();
    vec![
        (0x0042, RECORDS_ID.to_vec().into()),
        (0x0045, card_number.into()),
        (0x00F0, municipality.as_bytes().to_vec().into()),
        (0x00F2, expires.as_bytes().to_vec().into()),
        (0x00F7, RECORDS_ID.to_vec().into()),
        // The signer of records under the card-verifiable CA; older cards have no second one below it.
        (0x00F8, face::certificate_object(certificate).into()),
    ]
}
