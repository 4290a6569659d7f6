use super::*;
use crate::{Command, Response};
use alloc::{string::String, vec::Vec};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let sessions = include_str!("../../../../vectors/scp03-sessions.json");
    let document: Value = serde_json::from_str(sessions).unwrap();
    document["cases"].as_array().unwrap().clone()
}

fn hex(value: &Value) -> Vec<u8> {
    let text: String = value.as_str().unwrap().into();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn keys(case: &Value) -> StaticKeys {
    StaticKeys::new(&hex(&case["key_enc"]), &hex(&case["key_mac"]), &hex(&case["key_dek"])).unwrap()
}

fn mode(case: &Value) -> Mode {
    if case["mode"] == "S8" { Mode::S8 } else { Mode::S16 }
}

fn command(value: &Value) -> Command {
    Command::parse(&hex(value)).unwrap()
}

fn response(value: &Value) -> Response {
    Response::from_bytes(&hex(value)).unwrap()
}

fn host(case: &Value) -> HostSession {
    let (host, begin) = HostChallenged::begin(mode(case), 0x30, &hex(&case["host_challenge"])).unwrap();
    assert_eq!(begin.to_bytes(), hex(&case["initialize_update_command"]));
    let answer = response(&case["initialize_update_response"]);
    let (host, authenticate) = host.authenticate(&keys(case), SecurityLevel::FULL, &answer).unwrap();
    assert_eq!(authenticate.to_bytes(), hex(&case["external_authenticate_command_recomputed"]));
    host.open(&response(&case["external_authenticate_response"])).unwrap()
}

fn card(case: &Value) -> CardSession {
    let (card, answer) = CardChallenged::begin(
        &keys(case),
        mode(case),
        (&hex(&case["key_diversification_data"]).try_into().unwrap(), 0x30),
        (&hex(&case["host_challenge"]), &hex(&case["card_challenge"])),
        hex(&case["sequence_counter"]).try_into().unwrap(),
    )
    .unwrap();
    assert_eq!(answer.to_bytes(), hex(&case["initialize_update_response"]));
    card.authenticate(&command(&case["external_authenticate_command_recomputed"]), SecurityLevel::FULL)
        .unwrap()
}

#[test]
fn the_host_speaks_as_in_the_known_sessions() {
    for case in cases() {
        let mut session = host(&case);
        for exchange in case["exchanges"].as_array().unwrap() {
            let (awaiting, wrapped) = session.wrap(&command(&exchange["plain_command"])).unwrap();
            assert_eq!(wrapped.to_bytes(), hex(&exchange["wrapped_command"]), "{}", case["name"]);
            let (next, plain) = awaiting.unwrap(&response(&exchange["wrapped_response"])).unwrap();
            assert_eq!(plain.to_bytes(), hex(&exchange["plain_response"]), "{}", case["name"]);
            session = next;
        }
    }
}

#[test]
fn the_card_answers_as_in_the_known_sessions() {
    for case in cases() {
        let mut session = card(&case);
        for exchange in case["exchanges"].as_array().unwrap() {
            let (answering, plain) = session.unwrap(&command(&exchange["wrapped_command"])).unwrap();
            assert_eq!(plain.data, command(&exchange["plain_command"]).data, "{}", case["name"]);
            let (next, wrapped) = answering.wrap(response(&exchange["plain_response"])).unwrap();
            let recorded = hex(&exchange["wrapped_response"]);
            // Some recorded cards pad a short answer by a whole block more than the protocol asks for: the host's
            // test opens it; our card answers with the shortest padding.
            let over_padded =
                exchange["name"] == "list_issuer_domain" && recorded.len() == wrapped.to_bytes().len() + 16;
            assert!(over_padded || wrapped.to_bytes() == recorded, "{}", case["name"]);
            session = next;
        }
    }
}

#[test]
fn altered_repeated_reordered_and_cut_commands_close_the_channel() {
    for case in cases() {
        let exchanges = case["exchanges"].as_array().unwrap();
        let first = hex(&exchanges[0]["wrapped_command"]);
        let second = hex(&exchanges[1]["wrapped_command"]);
        for bit in 0..first.len() * 8 {
            let mut altered = first.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            if let Ok(altered) = Command::parse(&altered) {
                assert!(card(&case).unwrap(&altered).is_err(), "{} bit {bit}", case["name"]);
            }
        }
        assert!(card(&case).unwrap(&Command::parse(&second).unwrap()).is_err(), "moved ahead");
        let (answering, _) = card(&case).unwrap(&Command::parse(&first).unwrap()).unwrap();
        let (session, _) = answering.wrap(Response::ok(Vec::new())).unwrap();
        assert!(session.unwrap(&Command::parse(&first).unwrap()).is_err(), "repeated");
        let mut cut = Command::parse(&first).unwrap();
        cut.data.pop();
        assert!(card(&case).unwrap(&cut).is_err(), "cut");
    }
}

#[test]
fn an_altered_response_is_not_believed() {
    for case in cases() {
        let exchange = &case["exchanges"][0];
        let answer = hex(&exchange["wrapped_response"]);
        for bit in 0..answer.len() * 8 {
            let mut altered = answer.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let (awaiting, _) = host(&case).wrap(&command(&exchange["plain_command"])).unwrap();
            let answered = awaiting.unwrap(&Response::from_bytes(&altered).unwrap());
            assert!(answered.is_err(), "{} bit {bit}", case["name"]);
        }
    }
}

#[test]
fn a_level_below_the_floor_is_refused() {
    let case = &cases()[0];
    for (level, accepted) in [
        (SecurityLevel::C_MAC, false),
        (SecurityLevel::C_DECRYPTION_R_MAC, false),
        (SecurityLevel::FULL, true),
    ] {
        let challenges = (&[1; 8][..], &[2; 8][..]);
        let (card, answer) =
            CardChallenged::begin(&keys(case), Mode::S8, (&[0; 10], 1), challenges, [0; 3]).unwrap();
        let (host, _) = HostChallenged::begin(Mode::S8, 1, &[1; 8]).unwrap();
        let (_, authenticate) = host.authenticate(&keys(case), level, &answer).unwrap();
        assert_eq!(card.authenticate(&authenticate, SecurityLevel::FULL).is_ok(), accepted, "{level:?}");
    }
}
