//! A system to be measured: every actor on a thread of its own in this process, on a home that is thrown away.

use clap::Parser;
use serde_json::Value;
use std::{
    fmt::Display,
    future::Future,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};
use tefuda_control_server::{Addresses, CardTable, Clocks};
use tefuda_keys::{KeyStore, SystemRandom};
use tefuda_store::{Databases, files};
use tefuda_web::ActorContext;
use tokio::sync::{oneshot, watch};

use crate::{
    Done,
    actors::{self, Opened},
    arguments::Arguments,
    failure::{Failure, ProgramError},
    hand::InHand,
    home,
    running::{Running, run_file},
    up, verbs,
};

/// Threads, as they are named and counted. The kernel keeps fifteen characters.
pub const AUTHORITY: &str = "bench-authority";
pub const GATEWAY: &str = "bench-gateway";
/// Where ports are looked for: below those that the host gives away by itself.
const PORTS: std::ops::Range<u16> = 21_000..31_000;

/// What went wrong while measuring.
pub fn failed(error: impl Display) -> Failure {
    ProgramError::ActorFailed(format!("{error:#}")).into()
}

/// A home that is thrown away.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Result<Self, Failure> {
        let random: String = tefuda_types::hexadecimal(&SystemRandom::octets::<4>());
        let folder = std::env::temp_dir().join(format!("tefuda-bench-{name}-{random}"));
        files::write(&folder.join("bench"), b"")?;
        Ok(Self(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays in the folder for temporary files is the system's to remove.
        let _ = files::remove_folder(&self.0);
    }
}

/// The context of a new home there.
pub fn context(place: &Place, port_base: u16, databases: Databases) -> Result<ActorContext, Failure> {
    home::found(place.path(), port_base, &databases, &KeyStore::Files)?;
    Ok(up::context(place.path(), port_base, databases, None)?)
}

/// Does something on a thread of a name, in a runtime of its own that has one thread.
pub async fn on_thread<T: Send + 'static>(
    name: &'static str,
    act: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> Result<T, Failure> {
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().thread_name(name).enable_all().build();
        let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(act));
        // Whoever asked may be gone.
        let _ = tell.send(done);
    })?;
    told.await.map_err(failed)?.map_err(failed)
}

/// Ports for every actor, taken.
pub fn ports() -> Result<(u16, Vec<TcpListener>), Failure> {
    for port_base in PORTS.step_by(10) {
        let bind = |offset: u16| TcpListener::bind(("127.0.0.1", port_base.saturating_add(offset)));
        if let Ok(listeners) = up::OFFSETS.into_iter().map(bind).collect::<Result<Vec<_>, _>>() {
            return Ok((port_base, listeners));
        }
    }
    Err(ProgramError::PortTaken(PORTS.start).into())
}

/// Every actor, answering.
pub struct Stage {
    pub running: Running,
    pub port_base: u16,
    place: Place,
    stop: watch::Sender<bool>,
    cards: Arc<CardTable>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.cards.let_go();
    }
}

impl Stage {
    pub async fn open(name: &str, databases: Databases) -> Result<Self, Failure> {
        let (place, (port_base, listeners)) = (Place::new(name)?, ports()?);
        let context = context(&place, port_base, databases)?;
        let (stop, stopping) = watch::channel(false);
        let cards = Arc::new(CardTable::new(&context));
        let (of_phones, phones) =
            actors::phones(context.clone(), Arc::new(InHand(Arc::clone(&cards)))).map_err(failed)?;
        let on_table = Arc::clone(&phones);
        let addresses: Addresses = Arc::new(move || on_table.addresses());
        let clocks = Clocks::alone(Arc::clone(&context.clock));
        let control = actors::control(&context, clocks, Arc::clone(&cards), addresses);
        let mut listeners = listeners.into_iter();
        let mut next = || listeners.next().ok_or_else(|| failed("no listener"));
        let begins = [
            serve("bench-control", next()?, async { Ok(control) }, stopping.clone()).await?,
            serve(AUTHORITY, next()?, actors::authority(context.clone()), stopping.clone()).await?,
            serve(GATEWAY, next()?, actors::gateway(context.clone()), stopping.clone()).await?,
            serve("bench-portal", next()?, actors::portal(context.clone()), stopping.clone()).await?,
            serve("bench-phones", next()?, async { Ok(of_phones) }, stopping).await?,
        ];
        for begin in begins {
            begin().await.map_err(failed)?;
        }
        let ready = serde_json::to_vec(&up::ready(&context, &phones)).map_err(failed)?;
        files::write(&run_file(place.path()), &ready)?;
        Ok(Self { running: Running::find(place.path())?, port_base, place, stop, cards })
    }

    /// A command as it is typed.
    pub async fn typed(&self, words: &[&str]) -> Done {
        let home = self.place.path().to_string_lossy();
        let line = ["tefuda", "--home", &home].into_iter().chain(words.iter().copied());
        let Arguments { common, verb } = Arguments::try_parse_from(line).map_err(failed)?;
        let verb = verb.ok_or_else(|| failed("no verb"))?;
        Box::pin(verbs::run(&common, verb)).await
    }

    /// Residents who can enrol a phone with a good card, their passwords shown.
    pub async fn adults(&self) -> Result<Vec<Value>, Failure> {
        let list = self.typed(&["resident", "list", "--reveal"]).await?;
        let residents = list.get("residents").and_then(Value::as_array).cloned().unwrap_or_default();
        let can = |resident: &Value| {
            let is = |pointer: &str, value: Value| resident.pointer(pointer) == Some(&value);
            is("/can_enroll", true.into()) && is("/card/state", "active".into())
        };
        Ok(residents.into_iter().filter(can).collect())
    }
}

/// Opens an actor on its thread and serves it there until told to stop; what it does first is left to the caller.
async fn serve(
    name: &'static str,
    listener: TcpListener,
    open: impl Future<Output = anyhow::Result<Opened>> + Send + 'static,
    stopping: watch::Receiver<bool>,
) -> Result<actors::Begin, Failure> {
    let (tell, told) = oneshot::channel();
    let serving = on_thread(name, async move {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let Opened { behind, begin, meanwhile } = match open.await {
            Ok(opened) => opened,
            Err(error) => {
                let _ = tell.send(Err(error));
                return Ok(());
            }
        };
        let _ = tell.send(Ok(begin));
        let meanwhile = tokio::spawn(meanwhile);
        tefuda_web::serve(listener, behind, stopping).await?;
        meanwhile.abort();
        Ok(())
    });
    tokio::spawn(serving);
    told.await.map_err(failed)?.map_err(failed)
}
