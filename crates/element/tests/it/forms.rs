//! The stored state of every past release still loads.

use crate::{
    fixture::{AUTH_PIN, Rig, type_in},
    story::{sealed, story},
};
use tefuda_element::host;
use tefuda_protocol::{
    element::Holding,
    sealed::PinPurpose,
    transaction::{Method, TransactionKind},
};

#[test]
fn the_first_form_loads() {
    let mut rig = Rig::power_up(sealed(include_bytes!("forms/1.json")));
    assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Held);
    let login = (TransactionKind::Login, "log in");
    type_in(&mut rig.wired, login, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, login.1).unwrap();
    assert_eq!(host::access_rules(&mut rig.wired).unwrap().len(), 2);
}

#[test]
fn a_form_of_the_future_is_left_alone() {
    let state = crate::story::sealed_state(story().held_die());
    let mut state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    state["form"] = 2.into();
    let mut rig = Rig::power_up(sealed(&serde_json::to_vec(&state).unwrap()));
    assert_eq!(rig.wired.process(&[0x00, 0xA4, 0x04, 0x00]), [0x65, 0x81]);
    let kept: serde_json::Value =
        serde_json::from_slice(&crate::story::sealed_state(rig.power_down())).unwrap();
    assert_eq!(kept, state);
}
