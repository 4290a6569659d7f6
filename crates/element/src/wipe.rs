//! Device commands: signed by the service manager for one element, each number once.

use tefuda_apdu::{Response, StatusWord};
use tefuda_protocol::{
    Signed,
    attestation::verify_p256,
    element::{CommandAction, CommandReceipt, DeviceCommand},
};
use tefuda_silicon::Silicon;

use crate::{
    manage::Management,
    memory::{Authority, Fault},
    session::Volatile,
};

impl<S: Silicon> Management<'_, S> {
    /// Carries a command out and answers its receipt. The number that was the last gets its receipt again,
    /// in case the first was lost, and nothing else.
    pub(crate) fn device_command(&mut self, json: &[u8]) -> Result<Response, Fault> {
        let memory = self.persistent.memory();
        let authority = memory.authority.as_ref().ok_or(StatusWord::CONDITIONS)?;
        let element = memory.identity.element;
        let command = genuine(authority, json)?;
        if command.element != element || command.number == 0 {
            return Err(StatusWord::WRONG_DATA.into());
        }
        if command.number < authority.last_command {
            return Err(StatusWord::CONDITIONS.into());
        }
        let receipt = CommandReceipt { element, number: command.number };
        if command.number > authority.last_command {
            self.persistent.destroy(|memory| {
                let authority = memory.authority.as_mut().ok_or(StatusWord::CONDITIONS)?;
                authority.last_command = command.number;
                match (command.action, &mut authority.applet) {
                    (CommandAction::Wipe, Some(applet)) => applet.wipe(),
                    (CommandAction::Wipe, None) => {}
                }
                Ok(())
            })?;
            *self.volatile = Volatile::default();
        }
        Ok(Response::ok(receipt.to_bytes()))
    }
}

/// The command, if the service manager signed it.
fn genuine(authority: &Authority, json: &[u8]) -> Result<DeviceCommand, Fault> {
    let key = authority.command_key.as_ref().ok_or(StatusWord::CONDITIONS)?;
    let signed: Signed<DeviceCommand> = serde_json::from_slice(json).map_err(|_| StatusWord::WRONG_DATA)?;
    let command = signed.verify(|message, signature| verify_p256(&key.0, message, signature));
    command.map_err(|_| Fault::Refused(StatusWord::SECURITY_STATUS))
}
