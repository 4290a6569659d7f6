//! Live sessions into an element: SCP03 over a pipe, one script for each purpose.
//!
//! A session is a value that each answer consumes. A wrong MAC, another element at the other end or a status
//! word that the script does not allow leave nothing to go on with.

use std::collections::VecDeque;
use tefuda_apdu::{
    Aid, Command, Response, StatusWord,
    globalplatform::{Install, ManagementError, PutKeys, store_data},
    scp03::{
        HostAuthenticating, HostAwaiting, HostChallenged, HostSession, Mode, Scp03Error, SecurityLevel,
        StaticKeys,
    },
    tlv,
};
use tefuda_protocol::{
    Signed,
    element::{
        ACCESS_RULES_AID, APPLET_MODULE_AID, AUTHORITY_DOMAIN_AID, AccessRule, AppletParameters,
        CommandReceipt, DOMAIN_MODULE_AID, DeviceCommand, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID,
        OWN_KEY_VERSION, PORTAL_APP, WALLET_AID, WALLET_APP, object,
    },
    sealed::PinPurpose,
};
use tefuda_types::{ElementId, Family, PinKind, Secret};
use thiserror::Error;

/// Octets of a host challenge: sessions are S16.
pub const CHALLENGE_OCTETS: usize = 16;
/// Instance of the JPKI face: the identifier of the card's public-key application.
pub const JPKI_AID: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];

/// Why a session ends without reaching its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such session, or it is too old.
    #[error("there is no such session")]
    NotFound,
    /// As many responses as commands are needed.
    #[error("the responses are not one for each command")]
    Answers,
    /// The channel did not open, or a message was altered.
    #[error("the secure channel broke: {0}")]
    Channel(Scp03Error),
    /// Another element answered.
    #[error("another element is at the other end")]
    OtherElement,
    /// The element blocked this key set after wrong authentications.
    #[error("the element has blocked the key set")]
    Blocked,
    /// The element knows none of our key sets.
    #[error("the element has none of the key sets")]
    Keys,
    /// The holder has not agreed inside the element.
    #[error("the holder has not confirmed in the element")]
    NotConfirmed,
    /// The element refused a command.
    #[error("the element answered {0}")]
    Refused(StatusWord),
    /// A command that cannot be built.
    #[error("a command cannot be built: {0}")]
    Script(ManagementError),
}

tefuda_types::reasons! { SessionError {
    NotFound => "element_session.not_found", Caller;
    Answers => "element_session.answers_malformed", Malformed;
    Channel(_) => "element_session.channel_broken", Peer;
    OtherElement => "element_session.other_element", Peer;
    Blocked => "element_session.key_set_blocked", Policy;
    Keys => "element_session.keys_unknown", Peer;
    NotConfirmed => "element_session.not_confirmed", Policy;
    Refused(_) => "element_session.refused", Peer;
    Script(_) => "element_session.script_malformed", Caller;
} }

impl From<Scp03Error> for SessionError {
    fn from(error: Scp03Error) -> Self {
        Self::Channel(error)
    }
}

impl From<ManagementError> for SessionError {
    fn from(error: ManagementError) -> Self {
        Self::Script(error)
    }
}

/// Whose domain a session goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The operator's.
    Issuer,
    /// The service manager's.
    Authority,
}

impl Domain {
    const fn aid(self) -> [u8; 8] {
        match self {
            Self::Issuer => ISSUER_DOMAIN_AID,
            Self::Authority => AUTHORITY_DOMAIN_AID,
        }
    }
}

/// A key set of the domain, with its version.
#[derive(Debug)]
pub struct KeySet {
    /// Version on the element.
    pub version: u8,
    /// The keys.
    pub keys: StaticKeys,
}

/// The certificates that belong together, DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Signature certificate and its CA's.
    pub sign: Option<(Vec<u8>, Vec<u8>)>,
    /// Authentication certificate and its CA's.
    pub auth: Option<(Vec<u8>, Vec<u8>)>,
}

/// What a session does once its channel is open.
#[derive(Debug)]
pub enum Script {
    /// Operator: make the authority's domain, store the access rules, move the own domain to its final keys.
    Provision {
        /// First keys of the authority's domain; none once they are there.
        domain: Option<StaticKeys>,
        /// Final keys of the own domain.
        own: StaticKeys,
    },
    /// Service manager: take the domain over and install the holder's applet with its two faces.
    HandOver {
        /// Final keys of the domain.
        own: StaticKeys,
        /// What the applet is told.
        parameters: AppletParameters,
        /// Key that verifies device commands, SEC 1.
        command_key: Vec<u8>,
    },
    /// Service manager: load certificates.
    Register(Loaded),
    /// Service manager: let a password be set anew.
    ResetPin(PinKind),
    /// Service manager: carry device commands out.
    Deliver(Vec<Signed<DeviceCommand>>),
    /// Operator: open the blocked key set of the authority's domain.
    Reopen,
}

fn aid(octets: &[u8]) -> Result<Aid, SessionError> {
    Aid::new(octets).ok_or(SessionError::Script(ManagementError::Data))
}

fn personalise(instance: &[u8]) -> Result<Command, SessionError> {
    Ok(Install::Personalise { instance: aid(instance)? }.to_command())
}

fn make(module: &[u8], instance: &[u8], parameters: Vec<u8>) -> Result<Command, SessionError> {
    Ok(Install::MakeSelectable { module: aid(module)?, instance: aid(instance)?, parameters }.to_command())
}

/// Both applications of the phone may talk to the holder's applet.
fn access_rules() -> Vec<u8> {
    let rule = |client: [u8; 32]| AccessRule {
        application: WALLET_AID.to_vec().into(),
        client: client.to_vec().into(),
    };
    [rule(PORTAL_APP).to_bytes(), rule(WALLET_APP).to_bytes()].concat()
}

impl Loaded {
    fn objects(&self) -> Vec<u8> {
        let pair = |of: &Option<(Vec<u8>, Vec<u8>)>, tags: (u32, u32)| {
            of.as_ref().map_or_else(Vec::new, |(certificate, authority)| {
                [tlv::encode(tags.0, certificate), tlv::encode(tags.1, authority)].concat()
            })
        };
        [
            pair(&self.sign, (object::STORE_SIGN_CERTIFICATE, object::STORE_SIGN_CA)),
            pair(&self.auth, (object::STORE_AUTH_CERTIFICATE, object::STORE_AUTH_CA)),
        ]
        .concat()
    }
}

impl Script {
    /// The commands, given the key set with which the channel was opened.
    fn commands(self, present: &KeySet) -> Result<Vec<Command>, SessionError> {
        let put = |replaces, version, keys| PutKeys { replaces, version, keys }.to_command(&present.keys);
        let is_own = present.version == OWN_KEY_VERSION;
        let mut commands = Vec::new();
        match self {
            Self::Provision { domain, own } => {
                if let Some(keys) = domain {
                    commands.push(make(&DOMAIN_MODULE_AID, &AUTHORITY_DOMAIN_AID, Vec::new())?);
                    commands.push(personalise(&AUTHORITY_DOMAIN_AID)?);
                    commands.push(put(0, INITIAL_KEY_VERSION, keys)?);
                }
                commands.push(personalise(&ACCESS_RULES_AID)?);
                commands.push(store_data(&access_rules()));
                if !is_own {
                    // What follows an INSTALL for personalisation goes to that instance: back to the domain itself.
                    commands.push(personalise(&ISSUER_DOMAIN_AID)?);
                    commands.push(put(present.version, OWN_KEY_VERSION, own)?);
                }
            }
            Self::HandOver { own, parameters, command_key } => {
                if !is_own {
                    commands.push(put(present.version, OWN_KEY_VERSION, own)?);
                }
                let parameters = parameters.to_bytes();
                commands.push(make(&APPLET_MODULE_AID, &JPKI_AID, parameters.clone())?);
                commands.push(make(&APPLET_MODULE_AID, &WALLET_AID, parameters)?);
                commands.push(store_data(&tlv::encode(object::STORE_COMMAND_KEY, &command_key)));
            }
            Self::Register(loaded) => {
                commands.push(personalise(&WALLET_AID)?);
                commands.push(store_data(&loaded.objects()));
            }
            Self::ResetPin(kind) => {
                let purpose = match kind {
                    PinKind::Sign => PinPurpose::SetSign,
                    PinKind::Auth => PinPurpose::SetAuth,
                };
                commands.push(personalise(&WALLET_AID)?);
                commands.push(store_data(&tlv::encode(object::STORE_RESET_GRANT, &[purpose as u8])));
            }
            Self::Deliver(orders) => {
                for order in orders {
                    let json = serde_json::to_vec(&order).map_err(|_| ManagementError::Data)?;
                    commands.push(store_data(&tlv::encode(object::STORE_COMMAND, &json)).with_le(256));
                }
            }
            Self::Reopen => commands.push(store_data(&tlv::encode(object::STORE_REOPEN, &[]))),
        }
        Ok(commands)
    }
}

/// What an element confirmed, under the session's response MAC. Only a session that reached its end makes it.
#[derive(Debug)]
pub struct Evidence {
    element: ElementId,
    answers: Vec<Vec<u8>>,
}

impl Evidence {
    /// Which element.
    #[must_use]
    pub const fn element(&self) -> ElementId {
        self.element
    }

    /// Receipts among what it answered.
    pub fn receipts(&self) -> impl Iterator<Item = CommandReceipt> {
        self.answers.iter().filter_map(|answer| CommandReceipt::from_bytes(answer))
    }
}

/// A session's next turn.
#[derive(Debug)]
pub enum Turn {
    /// Send these, and come back with the answers.
    Next(Box<Session>, Vec<Command>),
    /// Over, and its purpose reached.
    Done(Evidence),
}

#[derive(Debug)]
enum Stage {
    /// SELECT and INITIALIZE UPDATE are under way.
    Challenged { host: HostChallenged, present: KeySet, script: Script },
    /// EXTERNAL AUTHENTICATE is under way.
    Authenticating { host: HostAuthenticating, present: KeySet, script: Script },
    /// A command of the script is under way.
    Open { host: HostAwaiting, rest: VecDeque<Command>, answers: Vec<Vec<u8>> },
}

/// What of a session stays the same while its stage changes.
#[derive(Debug)]
struct About {
    element: ElementId,
    domain: Domain,
    challenge: Secret<[u8; CHALLENGE_OCTETS]>,
    /// Key sets that are still to be tried.
    others: VecDeque<KeySet>,
    /// Whether the holder must have agreed inside the element.
    needs_holder: bool,
}

/// A session into one element.
#[derive(Debug)]
pub struct Session {
    about: About,
    stage: Stage,
}

impl Session {
    /// Begins: the domain is selected and challenged with the first of the key sets. Where the element does not
    /// have that one the next is tried.
    ///
    /// # Errors
    /// [`SessionError::Keys`] without any key set.
    pub fn open(
        element: ElementId,
        domain: Domain,
        key_sets: Vec<KeySet>,
        script: Script,
        challenge: Secret<[u8; CHALLENGE_OCTETS]>,
    ) -> Result<(Self, Vec<Command>), SessionError> {
        let needs_holder = matches!(script, Script::Register(_));
        About { element, domain, challenge, others: key_sets.into(), needs_holder }.challenged(script)
    }

    /// The element.
    #[must_use]
    pub const fn element(&self) -> ElementId {
        self.about.element
    }

    /// Takes the element's answers, one for each command of the last turn.
    ///
    /// # Errors
    /// [`SessionError`]; the session is over.
    pub fn answer(self, responses: &[Response]) -> Result<Turn, SessionError> {
        let Self { about, stage } = self;
        match stage {
            Stage::Challenged { host, present, script } => {
                about.challenge_answered(host, present, script, responses)
            }
            Stage::Authenticating { host, present, script } => {
                let [response] = responses else { return Err(SessionError::Answers) };
                about.go_on(host.open(response)?, script.commands(&present)?.into(), Vec::new())
            }
            Stage::Open { host, rest, mut answers } => {
                let [response] = responses else { return Err(SessionError::Answers) };
                let (host, plain) = host.unwrap(response)?;
                match plain.status {
                    StatusWord::OK => answers.push(plain.data),
                    StatusWord::CONDITIONS if about.needs_holder => return Err(SessionError::NotConfirmed),
                    other => return Err(SessionError::Refused(other)),
                }
                about.go_on(host, rest, answers)
            }
        }
    }
}

impl About {
    fn challenged(mut self, script: Script) -> Result<(Session, Vec<Command>), SessionError> {
        let present = self.others.pop_front().ok_or(SessionError::Keys)?;
        let select = Command::new(0x00, 0xA4, 0x04, 0x00).with_data(self.domain.aid()).with_le(256);
        let (host, command) = HostChallenged::begin(Mode::S16, present.version, self.challenge.expose())?;
        let stage = Stage::Challenged { host, present, script };
        Ok((Session { about: self, stage }, vec![select, command]))
    }

    fn challenge_answered(
        self,
        host: HostChallenged,
        present: KeySet,
        script: Script,
        responses: &[Response],
    ) -> Result<Turn, SessionError> {
        let [selected, response] = responses else { return Err(SessionError::Answers) };
        if !selected.status.is_ok() {
            return Err(SessionError::Refused(selected.status));
        }
        match response.status {
            StatusWord::OK => {}
            StatusWord::BLOCKED => return Err(SessionError::Blocked),
            // No key set of that version.
            StatusWord::DATA_NOT_FOUND => {
                let (session, commands) = self.challenged(script)?;
                return Ok(Turn::Next(Box::new(session), commands));
            }
            other => return Err(SessionError::Refused(other)),
        }
        if HostChallenged::diversification(response)? != *self.element.as_bytes() {
            return Err(SessionError::OtherElement);
        }
        let (host, command) = host.authenticate(&present.keys, SecurityLevel::FULL, response)?;
        let stage = Stage::Authenticating { host, present, script };
        Ok(Turn::Next(Box::new(Session { about: self, stage }), vec![command]))
    }

    fn go_on(
        self,
        host: HostSession,
        mut rest: VecDeque<Command>,
        answers: Vec<Vec<u8>>,
    ) -> Result<Turn, SessionError> {
        let Some(command) = rest.pop_front() else {
            return Ok(Turn::Done(Evidence { element: self.element, answers }));
        };
        let (host, wrapped) = host.wrap(&command)?;
        let stage = Stage::Open { host, rest, answers };
        Ok(Turn::Next(Box::new(Session { about: self, stage }), vec![wrapped]))
    }
}

/// What the holder's applet is told of the phone that it is made in.
#[must_use]
pub fn applet_parameters(element: ElementId, family: Family) -> AppletParameters {
    let label = match family {
        Family::Android => "JPKIAPGPSETOKEN",
        Family::Iphone => "JPKIAPIOSTOKEN",
    };
    let number =
        element.as_bytes().iter().fold(0_u64, |number, octet| number.wrapping_mul(257) ^ u64::from(*octet));
    AppletParameters {
        token_label: label.to_owned(),
        token_serial: format!("{:016}", number % 10_000_000_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_apdu::scp03::{CardChallenged, CardSession};

    const ELEMENT: ElementId = ElementId::from_bytes([7; 10]);

    fn keys(value: u8) -> StaticKeys {
        StaticKeys::new(&[value; 16], &[value; 16], &[value; 16]).unwrap()
    }

    fn set(version: u8) -> KeySet {
        KeySet { version, keys: keys(version) }
    }

    /// A domain that has one key set and answers everything in its channel with a status word.
    struct Element {
        version: u8,
        status: StatusWord,
        challenged: Option<CardChallenged>,
        open: Option<CardSession>,
        seen: Vec<u8>,
    }

    impl Element {
        fn with(version: u8, status: StatusWord) -> Self {
            Self { version, status, challenged: None, open: None, seen: Vec::new() }
        }

        fn answer(&mut self, command: &Command) -> Response {
            match command.ins {
                0xA4 => StatusWord::OK.into(),
                0x50 if command.p1 != self.version => StatusWord::DATA_NOT_FOUND.into(),
                0x50 => {
                    let (challenged, response) = CardChallenged::begin(
                        &keys(self.version),
                        Mode::S16,
                        (ELEMENT.as_bytes(), self.version),
                        (&command.data, &[2; 16]),
                        [0, 0, 1],
                    )
                    .unwrap();
                    self.challenged = Some(challenged);
                    response
                }
                0x82 => {
                    let challenged = self.challenged.take().unwrap();
                    self.open = Some(challenged.authenticate(command, SecurityLevel::FULL).unwrap());
                    StatusWord::OK.into()
                }
                _ => {
                    let (answering, plain) = self.open.take().unwrap().unwrap(command).unwrap();
                    self.seen.push(plain.ins);
                    let (session, response) = answering.wrap(self.status.into()).unwrap();
                    self.open = Some(session);
                    response
                }
            }
        }
    }

    fn run(element: &mut Element, sets: Vec<KeySet>, script: Script) -> Result<Evidence, SessionError> {
        let challenge = Secret::new([1; 16]);
        let (mut session, mut commands) = Session::open(ELEMENT, Domain::Issuer, sets, script, challenge)?;
        loop {
            let responses: Vec<_> = commands.iter().map(|command| element.answer(command)).collect();
            match session.answer(&responses)? {
                Turn::Next(next, more) => (session, commands) = (*next, more),
                Turn::Done(evidence) => return Ok(evidence),
            }
        }
    }

    fn provision() -> Script {
        Script::Provision { domain: Some(keys(9)), own: keys(OWN_KEY_VERSION) }
    }

    #[test]
    fn the_key_set_that_the_element_has_is_found_and_moved_once() {
        const INSTALL: u8 = 0xE6;
        const PUT_KEY: u8 = 0xD8;
        const STORE_DATA: u8 = 0xE2;
        let rules = [INSTALL, INSTALL, PUT_KEY, INSTALL, STORE_DATA];
        for (version, tail) in [(INITIAL_KEY_VERSION, &[INSTALL, PUT_KEY][..]), (OWN_KEY_VERSION, &[])] {
            let mut element = Element::with(version, StatusWord::OK);
            let sets = vec![set(OWN_KEY_VERSION), set(INITIAL_KEY_VERSION)];
            let evidence = run(&mut element, sets, provision()).unwrap();
            assert_eq!(evidence.element(), ELEMENT);
            assert_eq!(element.seen, [&rules, tail].concat(), "version {version}");
        }
        let mut element = Element::with(5, StatusWord::OK);
        assert_eq!(run(&mut element, vec![set(1), set(2)], provision()).unwrap_err(), SessionError::Keys);
        assert_eq!(run(&mut element, Vec::new(), provision()).unwrap_err(), SessionError::Keys);
    }

    #[test]
    fn a_refusal_ends_the_session_with_its_reason() {
        let loaded = || Script::Register(Loaded { sign: None, auth: None });
        for (status, script, expected) in [
            (StatusWord::CONDITIONS, loaded(), SessionError::NotConfirmed),
            (StatusWord::CONDITIONS, provision(), SessionError::Refused(StatusWord::CONDITIONS)),
            (StatusWord::WRONG_DATA, loaded(), SessionError::Refused(StatusWord::WRONG_DATA)),
        ] {
            let mut element = Element::with(1, status);
            assert_eq!(run(&mut element, vec![set(1)], script).unwrap_err(), expected);
            assert_eq!(element.seen.len(), 1);
        }
    }

    #[test]
    fn a_token_serial_has_sixteen_digits() {
        for family in [Family::Android, Family::Iphone] {
            let parameters = applet_parameters(ELEMENT, family);
            assert_eq!(parameters.token_serial.len(), 16);
            assert!(parameters.token_label.starts_with("JPKIAP"));
        }
    }
}
