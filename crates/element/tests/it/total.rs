//! Any octets have an answer, and none of the answers carries a private key.

use crate::{
    fixture::Rig,
    story::{sealed_state, story},
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tefuda_card::personalisation::JPKI_AID;
use tefuda_protocol::element::{ACCESS_RULES_AID, AUTHORITY_DOMAIN_AID, ISSUER_DOMAIN_AID, WALLET_AID};
use tefuda_types::Bytes;

const INSTRUCTIONS: [u8; 26] = [
    0xA4, 0x70, 0xCA, 0x46, 0x84, 0x20, 0x21, 0x22, 0x2C, 0x2A, 0x50, 0x82, 0xE6, 0xD8, 0xE2, 0xE4, 0xF2,
    0xB0, 0xB2, 0x24, 0x88, 0xFC, 0xAE, 0xA2, 0xC0, 0x32,
];

const AIDS: [&[u8]; 5] =
    [&ISSUER_DOMAIN_AID, &ACCESS_RULES_AID, &AUTHORITY_DOMAIN_AID, &WALLET_AID, JPKI_AID];

/// Mostly what an element understands, some of it noise.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let select = (0..2_u8, 0..AIDS.len()).prop_map(|(class, aid)| {
        let aid = AIDS[aid];
        [&[class, 0xA4, 0x04, 0x00, u8::try_from(aid.len()).unwrap()], aid].concat()
    });
    let plausible = (
        prop::sample::select(vec![0x00_u8, 0x01, 0x80, 0x81, 0x84, 0x85]),
        prop::sample::select(INSTRUCTIONS.to_vec()),
        0..6_u8,
        any::<u8>(),
        prop::collection::vec(any::<u8>(), 0..200),
    )
        .prop_map(|(class, instruction, p1, p2, data)| {
            let mut command = vec![class, instruction, p1, p2];
            // Keys are made for 16 octets; that takes long and is tried elsewhere.
            if !data.is_empty() && (instruction, data.len()) != (0x46, 16) {
                command.push(u8::try_from(data.len()).unwrap());
                command.extend(data);
            }
            command
        });
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![2 => select, 6 => plausible, 1 => noise]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_sequence_is_answered(commands in prop::collection::vec((any::<bool>(), command()), 1..60)) {
        let mut rig = story().held();
        for (contactless, command) in commands {
            let side = if contactless { &mut rig.field } else { &mut rig.wired };
            prop_assert!(side.process(&command).len() >= 2);
        }
        // What was said leaves a die that still opens.
        drop(Rig::power_up(rig.power_down()));
    }
}

/// Every private value that the sealed state holds, by the names it has there.
pub fn private_values(state: &[u8]) -> Vec<Vec<u8>> {
    fn walk(name: &str, value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
        const PRIVATE: [&str; 10] = [
            "key",
            "wallet_key",
            "attestation_key",
            "pin_entry_key",
            "user_verification_key",
            "enc",
            "mac",
            "dek",
            "auth",
            "wallet",
        ];
        match value {
            serde_json::Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| walk(name, value, found));
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| walk(name, value, found)),
            serde_json::Value::String(_) if PRIVATE.contains(&name) => {
                found.push(serde_json::from_value::<Bytes>(value.clone()).unwrap().0);
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &serde_json::from_slice(state).unwrap(), &mut found);
    found
}

/// The private parts in pieces of 12 octets: of PKCS #8 its end, where the primes and exponents are.
pub fn pieces(values: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let private = |value: &Vec<u8>| value[value.len().saturating_sub(600)..].to_vec();
    values
        .iter()
        .flat_map(|value| private(value).chunks(12).map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect()
}

#[test]
fn abuse_a10_no_answer_carries_a_private_key() {
    let values = private_values(&sealed_state(story().held_die()));
    assert!(values.len() >= 12, "{}", values.len());
    let pieces: std::collections::HashSet<_> =
        pieces(&values).into_iter().filter(|piece| piece.len() == 12).collect();
    let mut rig = story().held();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut answers = Vec::new();
    for round in 0..4_000_u32 {
        let mut noise = [0; 24];
        rng.fill_bytes(&mut noise);
        let side = if noise[0] & 1 == 0 { &mut rig.field } else { &mut rig.wired };
        let aid = AIDS[usize::from(noise[1]) % AIDS.len()];
        let command = match round % 4 {
            0 => [&[0x00, 0xA4, 0x04, 0x0C, u8::try_from(aid.len()).unwrap()], aid].concat(),
            1 => vec![0x80, 0xCA, noise[2] | 0xC0, noise[3] & 0x3F, 0x00, 0x00, 0x00],
            2 => vec![0x00, 0xB0, 0x80 | noise[2] & 0x1F, noise[3] & 0x07, 0x00, 0x00, 0x00],
            _ => {
                let ins = INSTRUCTIONS[usize::from(noise[2]) % INSTRUCTIONS.len()];
                let length = if ins == 0x46 { 8 } else { noise[4] & 0x0F };
                let data = &noise[5..5 + usize::from(length)];
                [&[0x80, ins, noise[3] & 0x03, noise[4], length], data].concat()
            }
        };
        answers.push(side.process(&command));
    }
    answers.push(serde_json::to_vec(&story().keys).unwrap());
    assert!(answers.iter().filter(|answer| answer.len() > 200).count() > 20);
    for answer in &answers {
        assert!(!answer.windows(12).any(|window| pieces.contains(window)), "{answer:02X?}");
    }
}
