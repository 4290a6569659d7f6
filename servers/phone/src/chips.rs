//! The element on its board: the basic channel for the authority's sessions, one logical channel for the phone's
//! applications, the contactless side for readers.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tefuda_apdu::{LinkError, Response, StatusWord, Transceive};
use tefuda_element::{
    Element,
    host::{self, HostError, LogicalChannel},
};
use tefuda_phone::os::{self, App, OsError};
use tefuda_protocol::element::{AccessRule, WALLET_AID, instruction::GET_DATA, object::STATUS};
use tefuda_reader::{SharedChip, observed};
use tefuda_store::FileSilicon;
use tefuda_types::{Blame, Bytes, PhoneName, Reason, ReasonCode};
use tefuda_web::live::Door;

/// The element's contacts, soldered to the phone: it stays powered between commands.
#[derive(Clone)]
pub(crate) struct Soldered(SharedChip);

impl std::fmt::Debug for Soldered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Soldered")
    }
}

impl Transceive for Soldered {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.0.lock().unwrap_or_else(PoisonError::into_inner).process(command))
    }
}

/// The wallet's face on its logical channel.
pub(crate) type Wallet = LogicalChannel<Soldered>;

/// An open logical channel, and the rules that were read when it was opened.
#[derive(Debug)]
struct Line {
    rules: Vec<AccessRule>,
    wallet: Wallet,
}

/// Why an application got nothing from the element.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChipError {
    /// The element said no.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The operating system said no.
    #[error(transparent)]
    Os(#[from] OsError),
}

impl Reason for ChipError {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Host(error) => error.code(),
            Self::Os(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Host(error) => error.blame(),
            Self::Os(error) => error.blame(),
        }
    }
}

/// An element and its sides.
pub(crate) struct Chips {
    element: Arc<Mutex<Element<FileSilicon>>>,
    wired: SharedChip,
    contactless: SharedChip,
    line: Mutex<Option<Line>>,
    /// The element lost power, which the next who needs it applies again.
    torn: AtomicBool,
}

impl std::fmt::Debug for Chips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chips")
    }
}

impl Chips {
    /// Powers an element up.
    pub(crate) fn new(element: Element<FileSilicon>) -> Self {
        let element = Arc::new(Mutex::new(element));
        let wired: SharedChip = Arc::new(Mutex::new(tefuda_element::wired(Arc::clone(&element))));
        let contactless: SharedChip = Arc::new(Mutex::new(tefuda_element::contactless(Arc::clone(&element))));
        wired.lock().unwrap_or_else(PoisonError::into_inner).power_on();
        Self { element, wired, contactless, line: Mutex::default(), torn: AtomicBool::new(false) }
    }

    /// The same, told live; but for the question where the applet stands, which every look at the phone asks.
    pub(crate) fn told(self, door: &Door, name: &PhoneName) -> Self {
        let element = format!("element-{name}");
        let told = door.listener(format!("phone-{name}"), element.clone());
        let wired = observed(
            self.wired,
            Arc::new(move |command, response| {
                if !matches!(command, [_, GET_DATA, high, low, ..] if [*high, *low] == STATUS.to_be_bytes()) {
                    told(command, response);
                }
            }),
        );
        let contactless = observed(self.contactless, door.listener("reader", element));
        Self { wired, contactless, ..self }
    }

    /// The element as its maker and its sensors see it.
    pub(crate) fn element(&self) -> std::sync::MutexGuard<'_, Element<FileSilicon>> {
        self.element.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The basic channel.
    pub(crate) fn basic(&self) -> Soldered {
        Soldered(Arc::clone(&self.wired))
    }

    /// What a reader in the field sees.
    pub(crate) fn contactless(&self) -> SharedChip {
        Arc::clone(&self.contactless)
    }

    /// Lets an application talk to the wallet's face, if a rule of the element names it.
    pub(crate) fn wallet<T>(
        &self,
        app: App,
        act: impl FnOnce(&mut Wallet) -> Result<T, HostError>,
    ) -> Result<T, ChipError> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        self.power_again(&mut line);
        let done = Self::through(&mut line, || self.open(), app, act);
        if matches!(done, Err(ChipError::Host(HostError::Torn))) {
            self.torn.store(true, Ordering::SeqCst);
        }
        done
    }

    fn through<T>(
        line: &mut Option<Line>,
        open: impl FnOnce() -> Result<Line, ChipError>,
        app: App,
        act: impl FnOnce(&mut Wallet) -> Result<T, HostError>,
    ) -> Result<T, ChipError> {
        let open = match line {
            Some(open) => open,
            None => line.insert(open()?),
        };
        os::admit(&open.rules, app, &WALLET_AID)?;
        Ok(act(&mut open.wallet)?)
    }

    /// Passes the authority's commands on through the basic channel.
    pub(crate) fn pipe(&self, commands: &[Bytes]) -> Result<Vec<Bytes>, HostError> {
        self.power_again(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner));
        let passed = host::pipe(&mut self.basic(), commands);
        let is_torn = |answers: &Vec<Bytes>| {
            answers.iter().any(|answer| answer.0 == StatusWord::MEMORY_FAILURE.0.to_be_bytes())
        };
        if passed.as_ref().map_or(true, is_torn) {
            self.torn.store(true, Ordering::SeqCst);
            return Err(HostError::Torn);
        }
        passed
    }

    /// Applies power again after a cut; no channel and no session survives that.
    fn power_again(&self, line: &mut Option<Line>) {
        if self.torn.swap(false, Ordering::SeqCst) {
            *line = None;
            self.wired.lock().unwrap_or_else(PoisonError::into_inner).power_on();
        }
    }

    fn open(&self) -> Result<Line, ChipError> {
        let rules = host::access_rules(&mut self.basic())?;
        let mut wallet = LogicalChannel::open(self.basic())?;
        match host::select_wallet(&mut wallet) {
            Ok(()) => Ok(Line { rules, wallet }),
            Err(refused) => {
                wallet.close()?;
                Err(refused.into())
            }
        }
    }

    /// The logical channel is gone: a sensor event, or rules and applets that changed.
    pub(crate) fn lost_line(&self) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
