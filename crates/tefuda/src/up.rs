//! Every actor in one process.

use clap::Args;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
};
use tefuda_control_server::{Addresses, CardTable, Clocks};
use tefuda_keys::KeyStore;
use tefuda_phone_server::Phones;
use tefuda_store::{Databases, SystemClock, files};
use tefuda_types::{CertificateKind, Clock, Environment, Timestamp};
use tefuda_web::{ActorContext, Urls, live::Live};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use crate::{
    Done,
    actors::{self, Opened},
    arguments::Common,
    failure::{Failure, ProgramError},
    hand::InHand,
    home,
    keys::TokenOptions,
    print,
    running::{Ready, run_file},
    verbs::pins::{self, PinSource},
};

/// Actors in the order of their ports.
pub const ACTORS: [&str; 5] = ["control", "authority", "gateway", "portal", "phones"];
/// How far each one's port is from the first; what is left out belongs to actors that are to come.
pub const OFFSETS: [u16; ACTORS.len()] = [0, 1, 2, 3, 4];

#[derive(Debug, Default, Args)]
pub struct Options {
    /// First of the ports; 8480, or what the home remembers.
    #[arg(long, value_name = "N")]
    port_base: Option<u16>,
    /// Written when everything answers: where everything is.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// A PostgreSQL database in place of files in the home, by its URL or as @FILE; the same at every start.
    #[arg(long, value_name = "URL")]
    database: Option<PinSource>,
    #[command(flatten)]
    token: TokenOptions,
    /// Civil time at this start.
    #[arg(long, value_name = "RFC3339")]
    clock: Option<Timestamp>,
}

/// Starts everything and runs until it is told to stop.
pub async fn up(Common { home, log: filter, .. }: &Common, options: &Options) -> Done {
    log(filter);
    let known = home::look(home)?;
    // Who holds the home is a better answer than that its ports are taken; a home that is not there is not
    // made before the ports are ours.
    let held = known.as_ref().map(|_| home::take(home)).transpose()?;
    let port_base = port_base(known.as_ref(), options.port_base)?;
    let listeners = bind(port_base).await?;
    let _held = match held {
        Some(lock) => lock,
        None => home::take(home)?,
    };
    let databases = databases(options.database.as_ref())?;
    let keys = options.token.open()?;
    match &known {
        None => home::found(home, port_base, &databases, &keys)?,
        Some(_) => home::keeps_to(home, &databases, &keys)?,
    }
    let context = ActorContext { keys, ..context(home, port_base, databases, options.clock)? };
    let system =
        System::open(context).await.map_err(|error| ProgramError::ActorFailed(format!("{error:#}")))?;
    system.run(listeners, options.ready_file.as_deref()).await
}

/// Logs to standard error: lines for people, JSON for programs.
pub fn log(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only the first in a process counts; there is one.
    let _ = if std::io::stderr().is_terminal() { lines.try_init() } else { lines.json().try_init() };
}

fn port_base(known: Option<&home::Known>, wanted: Option<u16>) -> Result<u16, ProgramError> {
    match (known, wanted) {
        (Some(known), Some(wanted)) if known.port_base != wanted => {
            Err(ProgramError::OtherPortBase(known.port_base))
        }
        (Some(known), _) => Ok(known.port_base),
        (None, wanted) => Ok(wanted.unwrap_or(home::PORT_BASE)),
    }
}

async fn bind(port_base: u16) -> Result<Vec<TcpListener>, ProgramError> {
    let mut listeners = Vec::new();
    for offset in OFFSETS {
        let port = port_base.saturating_add(offset);
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        listeners.push(listener.map_err(|_| ProgramError::PortTaken(port))?);
    }
    Ok(listeners)
}

/// Where the stores are; a URL with a password in it is better read from a file.
pub fn databases(said: Option<&PinSource>) -> Result<Databases, Failure> {
    let Some(said) = said else { return Ok(Databases::InHome) };
    Ok(Databases::postgres(pins::read(said)?.expose().trim().to_owned()))
}

/// What every actor of a home is started with.
pub fn context(
    home: &Path,
    port_base: u16,
    databases: Databases,
    civil: Option<Timestamp>,
) -> Result<ActorContext, ProgramError> {
    let clock = SystemClock::open(home)?;
    if let Some(civil) = civil {
        clock.set(civil)?;
    }
    Ok(ActorContext {
        home: std::path::absolute(home)?,
        databases,
        keys: KeyStore::Files,
        clock: Arc::new(clock),
        urls: Urls::on_loopback(port_base),
        admin_token: home::fresh_token(home, home::CONTROL_TOKEN)?.into(),
        call_centre_token: home::fresh_token(home, home::CALL_CENTRE_TOKEN)?.into(),
        live: Live::default(),
        environment: Environment::Sandbox,
        element_keys: None,
    })
}

/// The actors, open but not yet listening.
struct System {
    context: ActorContext,
    cards: Arc<CardTable>,
    phones: Arc<Phones>,
    /// In the order of their ports.
    actors: [Opened; ACTORS.len()],
}

impl System {
    async fn open(context: ActorContext) -> anyhow::Result<Self> {
        let of_authority = context.of_actor("authority")?;
        let of_gateway = context.of_actor("gateway")?;
        let of_portal = context.of_actor("portal")?;
        let of_phones = context.of_actor("phones")?;
        let clocks = BTreeMap::from([
            ("authority", Arc::clone(&of_authority.clock)),
            ("gateway", Arc::clone(&of_gateway.clock)),
            ("portal", Arc::clone(&of_portal.clock)),
            ("phones", Arc::clone(&of_phones.clock)),
        ]);
        let clocks = Clocks { home: Arc::clone(&context.clock), actors: Arc::new(clocks) };
        let authority = actors::authority(of_authority).await?;
        let gateway = actors::gateway(of_gateway).await?;
        let portal = actors::portal(of_portal).await?;
        let cards = Arc::new(CardTable::new(&context));
        let (of_phones, phones) = actors::phones(of_phones, Arc::new(InHand(Arc::clone(&cards))))?;
        let on_table = Arc::clone(&phones);
        let addresses: Addresses = Arc::new(move || on_table.addresses());
        let control = actors::control(&context, clocks, Arc::clone(&cards), addresses);
        Ok(Self { context, cards, phones, actors: [control, authority, gateway, portal, of_phones] })
    }

    async fn run(self, listeners: Vec<TcpListener>, ready_file: Option<&Path>) -> Done {
        let stop_asked = told_to_stop()?;
        let (stop, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        let (mut begins, mut meanwhile) = (Vec::new(), JoinSet::new());
        for (listener, actor) in listeners.into_iter().zip(self.actors) {
            servers.spawn(tefuda_web::serve(listener, actor.behind, stopping.clone()));
            begins.push(actor.begin);
            meanwhile.spawn(actor.meanwhile);
        }
        for begin in begins {
            begin().await.map_err(|error| ProgramError::ActorFailed(format!("{error:#}")))?;
        }
        announce(&ready(&self.context, &self.phones), ready_file)?;
        meanwhile.spawn(Arc::clone(&self.cards).make_ahead());
        let failed = tokio::select! {
            () = stop_asked => None,
            ended = servers.join_next() => Some(format!("{ended:?}")),
        };
        meanwhile.abort_all();
        self.cards.let_go();
        stop.send_replace(true);
        while servers.join_next().await.is_some() {}
        files::remove(&run_file(&self.context.home))?;
        match failed {
            None => Ok(Value::Null),
            Some(how) => Err(ProgramError::ActorFailed(how).into()),
        }
    }
}

/// Where everything is.
pub fn ready(context: &ActorContext, phones: &Phones) -> Ready {
    let urls = &context.urls;
    let address = |name: &str, url: String| (name.to_owned(), url);
    let authority = urls.authority();
    let addresses = BTreeMap::from([
        address("ocsp", format!("{authority}/ocsp")),
        address("crl", format!("{authority}/crl/index.json")),
        address("url", authority),
    ]);
    let offices = ["registrar", "operator", "service-manager"].map(str::to_owned);
    let roles = CertificateKind::ALL.iter().map(|kind| format!("ca-{kind}")).chain(offices);
    let store = |path: &str| context.databases.address(&context.home, path);
    let database = |role: String| {
        let path = format!("authority/{role}");
        (role, store(&path))
    };
    let others = ["gateway", "portal"].map(|actor| (actor.to_owned(), store(actor)));
    Ready {
        pid: std::process::id(),
        home: context.home.clone(),
        actors: BTreeMap::from([
            ("control".to_owned(), BTreeMap::from([address("url", urls.control())])),
            ("authority".to_owned(), addresses),
            ("gateway".to_owned(), BTreeMap::from([address("url", urls.issuer())])),
            ("portal".to_owned(), BTreeMap::from([address("url", urls.portal())])),
            ("phones".to_owned(), BTreeMap::from([address("url", urls.phones())])),
        ]),
        phones: phones
            .addresses()
            .into_iter()
            .map(|(name, url)| (name, BTreeMap::from([address("url", url)])))
            .collect(),
        readers: BTreeMap::new(),
        databases: roles.map(database).chain(others).collect(),
        clock: context.clock.civil(),
    }
}

fn announce(ready: &Ready, ready_file: Option<&Path>) -> Result<(), ProgramError> {
    let document = serde_json::to_vec_pretty(ready).map_err(std::io::Error::from)?;
    files::write(&run_file(&ready.home), &document)?;
    for (actor, addresses) in &ready.actors {
        print::prose(&format!("{actor}: {}", addresses.get("url").map(String::as_str).unwrap_or_default()));
    }
    print::prose(&format!(
        "civil time: {}. Stop with Ctrl-C.",
        tefuda_types::jst(ready.clock).strftime("%F %T")
    ));
    ready_file.map(|path| files::write(path, &document)).transpose()?;
    Ok(())
}

/// SIGTERM or SIGINT, listened for from now on.
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
