//! Bodies between phone, authority, gateway and pages.

use core::any::type_name;

use serde::{Serialize, de::DeserializeOwned};
use tefuda_protocol::{
    account::AccountView,
    device::{
        DeviceMessage, DeviceNonce, DeviceReply, DeviceRequest, SessionAnswers, SessionOpen, SessionTurn,
        StopRequest,
    },
    element::DeviceCommand,
    enrolment::{
        Application, ApplicationRequest, ApplicationView, PinReset, PinResetGrant, PinResetRequest,
        WalletStatements,
    },
    login::{LoginDeclined, LoginOutcome, LoginProof, LoginRequest},
    phone::{Act, BiometricLogin, CardShown, EnrolmentStart, PhoneStatus, PinSession, Progress, SealedPins},
    statement::Heartbeat,
};

use crate::Bound;

/// The shortest member of a list has two characters (`1,`) and becomes at most one value of the largest body's kind,
/// in a vector that grows; a text is decoded from base64 beside its characters.
const BODY: Bound = Bound { octets: 16_384, octets_for_each: 96 };

/// A body that is taken is given again in a form that says the same.
pub fn contract(octets: &[u8]) {
    // To the authority.
    again::<ApplicationRequest>(octets);
    again::<Application>(octets);
    again::<PinResetRequest>(octets);
    again::<PinReset>(octets);
    again::<DeviceRequest>(octets);
    again::<DeviceMessage>(octets);
    again::<SessionOpen>(octets);
    again::<SessionAnswers>(octets);
    again::<StopRequest>(octets);
    // To the gateway.
    again::<LoginProof>(octets);
    again::<LoginDeclined>(octets);
    // To a phone, from its pages and the command line.
    again::<Act>(octets);
    again::<BiometricLogin>(octets);
    again::<CardShown>(octets);
    again::<EnrolmentStart>(octets);
    again::<SealedPins>(octets);
    // Answers, which whoever asked does not believe for their form.
    again::<AccountView>(octets);
    again::<ApplicationView>(octets);
    again::<WalletStatements>(octets);
    again::<PinResetGrant>(octets);
    again::<DeviceNonce>(octets);
    again::<DeviceReply>(octets);
    again::<SessionTurn>(octets);
    again::<DeviceCommand>(octets);
    again::<Heartbeat>(octets);
    again::<LoginRequest>(octets);
    again::<LoginOutcome>(octets);
    again::<PinSession>(octets);
    again::<Progress>(octets);
    again::<PhoneStatus>(octets);
}

fn again<T: Serialize + DeserializeOwned>(octets: &[u8]) {
    let Ok(body) = BODY.hold(octets.len(), || serde_json::from_slice::<T>(octets)) else { return };
    let text = serde_json::to_string(&body).unwrap();
    let again: T = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text, "{}", type_name::<T>());
    assert!(serde_json::from_str::<T>(&format!("{text}{{")).is_err());
}
