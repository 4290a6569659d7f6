//! Card content management inside a secure channel: what each of the two domains may do.

use tefuda_apdu::{
    Aid, Command, Response, StatusWord,
    globalplatform::{self, AID_TAG, DELETE, GET_STATUS, INSTALL, Install, PUT_KEY, PutKeys, STORE_DATA},
    tlv,
};
use tefuda_card::personalisation::JPKI_AID;
use tefuda_protocol::element::{
    ACCESS_RULES_AID, APPLET_MODULE_AID, AUTHORITY_DOMAIN_AID, AccessRule, AppletParameters,
    DOMAIN_MODULE_AID, WALLET_AID, object,
};
use tefuda_silicon::Silicon;

use crate::{
    applet::load_certificates,
    holder::Applet,
    memory::{Authority, Domain, Fault, KeySet, Persistent},
    session::Volatile,
};

/// Most access rules that the operator can store.
const RULES_MAX: usize = 64;
/// P2 of GET STATUS: all occurrences, BER-TLV (GlobalPlatform, table 11-35).
const STATUS_IN_TLV: u8 = 0x02;
/// Octets of a SEC 1 uncompressed P-256 public key.
const COMMAND_KEY_OCTETS: usize = 65;

/// Whom STORE DATA and PUT KEY are for: INSTALL [for personalisation] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The domain itself.
    Own,
    /// The access rules; whether the next STORE DATA is the first, which replaces all.
    Rules { first: bool },
    /// The authority's domain, through the operator's.
    AuthorityDomain,
    /// The holder's applet.
    Applet,
}

/// A secured command's surroundings.
pub(crate) struct Management<'a, S> {
    pub(crate) persistent: &'a mut Persistent<S>,
    pub(crate) volatile: &'a mut Volatile,
    pub(crate) domain: Domain,
    pub(crate) target: Target,
}

impl<S: Silicon> Management<'_, S> {
    /// Carries a command out that came through the secure channel, its protection taken away.
    pub(crate) fn carry_out(&mut self, command: &Command) -> Result<Response, Fault> {
        match (command.cla & !0x03, command.ins) {
            (0x80, PUT_KEY) => self.put_key(command),
            // Who came in by keys that everybody knows can put others in their place, and nothing else.
            _ if self.persistent.memory().key_set(self.domain).is_none_or(KeySet::is_published) => {
                Err(StatusWord::CONDITIONS.into())
            }
            (0x80, INSTALL) => self.install(Install::parse(command)?),
            (0x80, STORE_DATA) => self.store_data(globalplatform::stored_data(command)?),
            (0x80, DELETE) => self.delete(&globalplatform::deleted(command)?),
            (0x80, GET_STATUS) => self.get_status(command),
            (0x80, _) => Err(StatusWord::WRONG_INS.into()),
            _ => Err(StatusWord::WRONG_CLA.into()),
        }
    }

    /// What is there already is left as it is, so that a script that was cut can be sent again.
    fn install(&mut self, install: Install) -> Result<Response, Fault> {
        self.target = Target::Own;
        match (self.domain, install) {
            (Domain::Issuer, Install::MakeSelectable { module, instance, .. })
                if module.as_bytes() == DOMAIN_MODULE_AID && instance.as_bytes() == AUTHORITY_DOMAIN_AID =>
            {
                self.persistent.update(|memory| {
                    memory.authority.get_or_insert_default();
                    Ok(())
                })?;
            }
            (Domain::Authority, Install::MakeSelectable { module, instance, parameters })
                if module.as_bytes() == APPLET_MODULE_AID && is_face(&instance) =>
            {
                self.install_face(&instance, &parameters)?;
            }
            (domain, Install::Personalise { instance }) => {
                let authority = self.persistent.memory().authority.as_ref();
                let installed = self.persistent.memory().applet().is_some();
                self.target = match (domain, instance.as_bytes()) {
                    (domain, aid) if aid == domain.aid() => Target::Own,
                    (Domain::Issuer, aid) if aid == ACCESS_RULES_AID => Target::Rules { first: true },
                    (Domain::Issuer, aid) if aid == AUTHORITY_DOMAIN_AID && authority.is_some() => {
                        Target::AuthorityDomain
                    }
                    (Domain::Authority, _) if is_face(&instance) && installed => Target::Applet,
                    _ => return Err(StatusWord::DATA_NOT_FOUND.into()),
                };
            }
            _ => return Err(StatusWord::DATA_NOT_FOUND.into()),
        }
        Ok(StatusWord::OK.into())
    }

    fn install_face(&mut self, instance: &Aid, parameters: &[u8]) -> Result<(), Fault> {
        let parameters = AppletParameters::from_bytes(parameters).map_err(|_| StatusWord::WRONG_DATA)?;
        self.persistent.update(|memory| {
            let authority = memory.authority.as_mut().ok_or(StatusWord::CONDITIONS)?;
            let applet = authority.applet.get_or_insert_with(|| Applet::new(parameters));
            if instance.as_bytes() == WALLET_AID {
                applet.wallet = true;
            } else {
                applet.jpki = true;
            }
            Ok(())
        })
    }

    /// A domain has one key set: the new one takes the place of the present one. The operator can give the
    /// authority's domain keys only until the service manager put its own.
    fn put_key(&mut self, command: &Command) -> Result<Response, Fault> {
        let domain = match (self.domain, self.target) {
            (Domain::Issuer, Target::AuthorityDomain) => Domain::Authority,
            (own, _) => own,
        };
        let memory = self.persistent.memory();
        let session_keys = memory.key_set(self.domain).ok_or(StatusWord::CONDITIONS)?.keys()?;
        let put = PutKeys::parse(command, &session_keys)?;
        let handed_over = memory.authority.as_ref().is_some_and(|authority| authority.handed_over);
        if self.domain != domain && handed_over {
            return Err(StatusWord::CONDITIONS.into());
        }
        let present = memory.key_set(domain);
        if put.replaces != 0 && present.is_none_or(|set| set.version != put.replaces) {
            return Err(StatusWord::DATA_NOT_FOUND.into());
        }
        let set = KeySet::new(put.version, &put.keys, present.map_or(0, |set| set.generation) + 1);
        if set.is_published() {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let by_owner = self.domain == Domain::Authority;
        self.persistent.update(|memory| {
            match (domain, &mut memory.authority) {
                (Domain::Issuer, _) => memory.issuer.keys = set,
                (Domain::Authority, Some(authority)) => {
                    authority.keys = Some(set);
                    authority.handed_over |= by_owner;
                }
                (Domain::Authority, None) => return Err(StatusWord::CONDITIONS.into()),
            }
            Ok(())
        })?;
        self.target = Target::Own;
        Ok(Response::ok(put.answer()?))
    }

    fn store_data(&mut self, objects: &[u8]) -> Result<Response, Fault> {
        match (self.domain, self.target) {
            (Domain::Issuer, Target::Rules { first }) => self.store_rules(objects, first),
            (Domain::Authority, Target::Applet) => self.store_in_applet(objects),
            (domain, Target::Own) => {
                let mut objects = tlv::objects(objects);
                // One at a time: nothing that came with it is left undone and answered as done.
                let (Some(Ok(object)), None) = (objects.next(), objects.next()) else {
                    return Err(StatusWord::WRONG_DATA.into());
                };
                match (domain, object.tag) {
                    (_, object::STORE_COMMAND) => self.device_command(object.value),
                    (Domain::Issuer, object::STORE_REOPEN) => self.reopen(),
                    (Domain::Authority, object::STORE_COMMAND_KEY) => self.store_command_key(object.value),
                    _ => Err(StatusWord::WRONG_DATA.into()),
                }
            }
            _ => Err(StatusWord::CONDITIONS.into()),
        }
    }

    fn store_rules(&mut self, objects: &[u8], first: bool) -> Result<Response, Fault> {
        let rules = AccessRule::list(objects).map_err(|_| StatusWord::WRONG_DATA)?;
        self.persistent.update(|memory| {
            if first {
                memory.issuer.rules.clear();
            }
            memory.issuer.rules.extend(rules);
            if memory.issuer.rules.len() > RULES_MAX { Err(StatusWord::NO_MEMORY.into()) } else { Ok(()) }
        })?;
        self.target = Target::Rules { first: false };
        Ok(StatusWord::OK.into())
    }

    fn store_in_applet(&mut self, objects: &[u8]) -> Result<Response, Fault> {
        if let Ok(grant) = tlv::find(objects, object::STORE_RESET_GRANT) {
            self.persistent.update(|memory| memory.grant_reset(grant.value))?;
            return Ok(StatusWord::OK.into());
        }
        load_certificates(self.persistent, self.volatile, objects)
    }

    fn store_command_key(&mut self, key: &[u8]) -> Result<Response, Fault> {
        if key.len() != COMMAND_KEY_OCTETS {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.persistent.update(|memory| {
            memory.authority.as_mut().ok_or(StatusWord::CONDITIONS)?.command_key = Some(key.to_vec().into());
            Ok(())
        })?;
        Ok(StatusWord::OK.into())
    }

    /// The operator opens the key set of the authority's domain that wrong authentications blocked.
    fn reopen(&mut self) -> Result<Response, Fault> {
        self.persistent.update(|memory| {
            memory.key_set_mut(Domain::Authority).ok_or(StatusWord::DATA_NOT_FOUND)?.failures = 0;
            Ok(())
        })?;
        Ok(StatusWord::OK.into())
    }

    /// The authority's domain removes the applet, both faces and its keys; the operator removes a domain that
    /// holds none.
    fn delete(&mut self, instance: &Aid) -> Result<Response, Fault> {
        let by = self.domain;
        let bears = |authority: &Authority| authority.applet.is_some() || authority.handed_over;
        self.persistent.destroy(|memory| {
            match (by, &mut memory.authority) {
                (Domain::Authority, Some(authority)) if is_face(instance) && authority.applet.is_some() => {
                    authority.applet = None;
                }
                (Domain::Issuer, authority @ Some(_)) if instance.as_bytes() == AUTHORITY_DOMAIN_AID => {
                    if authority.as_ref().is_some_and(bears) {
                        return Err(StatusWord::CONDITIONS.into());
                    }
                    *authority = None;
                }
                _ => return Err(StatusWord::DATA_NOT_FOUND.into()),
            }
            Ok(())
        })?;
        *self.volatile = Volatile::default();
        // DELETE answers one octet, no delete confirmation (GlobalPlatform, 11.2.3.1).
        Ok(Response::ok(vec![0x00]))
    }

    /// The registry as far as this domain sees it: `E3 { 4F aid, 9F70 life cycle, C5 privileges }` each.
    fn get_status(&self, command: &Command) -> Result<Response, Fault> {
        if command.p2 != STATUS_IN_TLV {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let criterion = tlv::find(&command.data, AID_TAG).map_err(|_| StatusWord::WRONG_DATA)?.value;
        let entries: Vec<u8> = self
            .registry(command.p1)?
            .into_iter()
            .filter(|(aid, ..)| aid.starts_with(criterion))
            .flat_map(|(aid, life_cycle, privileges)| entry(aid, life_cycle, privileges))
            .collect();
        if entries.is_empty() { Err(StatusWord::DATA_NOT_FOUND.into()) } else { Ok(Response::ok(entries)) }
    }

    fn registry(&self, p1: u8) -> Result<Vec<Entry>, Fault> {
        // Life cycles: card SECURED, application SELECTABLE, domain PERSONALIZED (tables 11-4 to 11-6).
        const SECURED: u8 = 0x0F;
        const SELECTABLE: u8 = 0x07;
        const PERSONALIZED: u8 = 0x0F;
        const SECURITY_DOMAIN: u8 = 0x80;
        let memory = self.persistent.memory();
        match (p1, self.domain) {
            (0x80, Domain::Issuer) => Ok(vec![(&ISSUER, SECURED, SECURITY_DOMAIN)]),
            (0x80, Domain::Authority) => Ok(Vec::new()),
            (0x40, domain) => {
                let mut entries: Vec<Entry> = Vec::new();
                if domain == Domain::Issuer {
                    entries.push((&ACCESS_RULES_AID, SELECTABLE, 0));
                }
                if let Some(authority) = &memory.authority {
                    let state = if authority.keys.is_some() { PERSONALIZED } else { SELECTABLE };
                    entries.push((&AUTHORITY_DOMAIN_AID, state, SECURITY_DOMAIN));
                }
                if let Some(applet) = memory.applet() {
                    entries.extend(applet.wallet.then_some((WALLET_AID.as_slice(), SELECTABLE, 0)));
                    entries.extend(applet.jpki.then_some((JPKI_AID, SELECTABLE, 0)));
                }
                Ok(entries)
            }
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }
}

/// A registry entry: instance, life cycle, privileges.
type Entry = (&'static [u8], u8, u8);

const ISSUER: [u8; 8] = Domain::Issuer.aid();

fn is_face(instance: &Aid) -> bool {
    instance.as_bytes() == WALLET_AID || instance.as_bytes() == JPKI_AID
}

fn entry(aid: &[u8], life_cycle: u8, privileges: u8) -> Vec<u8> {
    const REGISTRY: u32 = 0xE3;
    const LIFE_CYCLE: u32 = 0x9F70;
    const PRIVILEGES: u32 = 0xC5;
    let parts = [
        tlv::encode(AID_TAG, aid),
        tlv::encode(LIFE_CYCLE, &[life_cycle]),
        tlv::encode(PRIVILEGES, &[privileges, 0, 0]),
    ];
    tlv::encode(REGISTRY, &parts.concat())
}
