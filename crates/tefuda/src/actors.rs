//! Each actor by itself: opened by one function, for `up` and for `serve`.

use anyhow::anyhow;
use axum::Router;
use clap::ValueEnum;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tefuda_authority_server::Authority;
use tefuda_control_server::{Addresses, CardTable, Clocks};
use tefuda_gateway_server::Gateway;
use tefuda_phone_server::{CardField, Phones};
use tefuda_portal::Portal;
use tefuda_web::{ActorContext, Client, live::Door};

use crate::{hand::OverTheTable, portal};

/// Between two looks which phones there are.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Who can be served alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Actor {
    /// Residents' cards and the table they lie on: sandbox only.
    Control,
    /// Registrar, operator, service manager and four CAs.
    Authority,
    /// The OpenID provider.
    Gateway,
    /// A person's own certificates, phones and logins.
    Portal,
    /// Emulated phones: sandbox only.
    Phones,
}

impl Actor {
    /// Its name, as addresses and clocks go by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Authority => "authority",
            Self::Gateway => "gateway",
            Self::Portal => "portal",
            Self::Phones => "phones",
        }
    }
}

/// Something that is done, or goes on, while others answer.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// What is done before an actor is of use. It may be tried again.
pub type Begin = Box<dyn Fn() -> Task<anyhow::Result<()>> + Send + Sync>;

/// An actor, open but not yet listening.
pub struct Opened {
    /// What it answers.
    pub behind: (Router, Door),
    /// What has to be done first, with its neighbours answering.
    pub begin: Begin,
    /// What goes on for as long as it runs.
    pub meanwhile: Task<()>,
}

impl Opened {
    fn new(router: Router, door: Door) -> Self {
        Self {
            behind: (router, door),
            begin: Box::new(|| Box::pin(async { Ok(()) })),
            meanwhile: Box::pin(std::future::pending()),
        }
    }
}

/// Opens an actor that is served alone, its neighbours being elsewhere.
pub async fn alone(actor: Actor, context: ActorContext) -> anyhow::Result<Opened> {
    match actor {
        Actor::Authority => authority(context).await,
        Actor::Gateway => gateway(context).await,
        Actor::Portal => portal(context).await,
        Actor::Phones => {
            let field = Arc::new(OverTheTable::new(&context));
            Ok(phones(context, field)?.0)
        }
        Actor::Control => {
            let clocks = Clocks::alone(Arc::clone(&context.clock));
            let (addresses, looking) = addresses_elsewhere(&context);
            let cards = Arc::new(CardTable::new(&context));
            Ok(Opened { meanwhile: looking, ..control(&context, clocks, cards, addresses) })
        }
    }
}

/// The authority.
pub async fn authority(context: ActorContext) -> anyhow::Result<Opened> {
    let door = context.door("authority");
    Ok(Opened::new(tefuda_authority_server::router(Authority::open(context).await?), door))
}

/// The gateway, which follows the authority's lists.
pub async fn gateway(context: ActorContext) -> anyhow::Result<Opened> {
    let door = context.door("gateway");
    let gateway = Gateway::open(context).await?;
    let router = tefuda_gateway_server::router(Arc::clone(&gateway));
    Ok(Opened { meanwhile: Box::pin(gateway.follow_status()), ..Opened::new(router, door) })
}

/// The portal, which begins as a relying party of the gateway.
pub async fn portal(context: ActorContext) -> anyhow::Result<Opened> {
    let door = context.door("portal");
    let portal = Portal::open(context.clone()).await?;
    let router = tefuda_portal::router(Arc::clone(&portal));
    let begin: Begin = Box::new(move || {
        let (context, portal) = (context.clone(), Arc::clone(&portal));
        Box::pin(async move {
            let registered = portal::register(&context, &portal).await;
            registered.map_err(|error| anyhow!("portal: {error:#}"))
        })
    });
    Ok(Opened { begin, ..Opened::new(router, door) })
}

/// Phones. A new one is made with the operator's keys, so the authority answers first.
pub fn phones(context: ActorContext, field: Arc<dyn CardField>) -> anyhow::Result<(Opened, Arc<Phones>)> {
    let door = context.door("phones");
    let phones = Phones::open(context, field)?;
    let router = tefuda_phone_server::router(Arc::clone(&phones));
    let switched = Arc::clone(&phones);
    let begin: Begin = Box::new(move || {
        let phones = Arc::clone(&switched);
        Box::pin(async move {
            phones.switch_on().await.map_err(|problem| anyhow!("phones: {}", problem.reason()))
        })
    });
    Ok((Opened { begin, ..Opened::new(router, door) }, phones))
}

/// The control room.
pub fn control(
    context: &ActorContext,
    clocks: Clocks,
    cards: Arc<CardTable>,
    addresses: Addresses,
) -> Opened {
    Opened::new(tefuda_control_server::router(context, clocks, cards, addresses), context.door("control"))
}

/// Addresses of phones that another process has, as it last told them.
fn addresses_elsewhere(context: &ActorContext) -> (Addresses, Task<()>) {
    #[derive(Deserialize)]
    struct Line {
        name: String,
        url: String,
    }
    #[derive(Deserialize)]
    struct Lines {
        phones: Vec<Line>,
    }
    let known = Arc::new(RwLock::new(BTreeMap::new()));
    let told = Arc::clone(&known);
    let client = Client::new(Some(Arc::clone(&context.admin_token)));
    let list = format!("{}/admin/phones", context.urls.phones());
    let looking = async move {
        loop {
            // Phones that do not answer now are where they were.
            if let Ok(lines) = client.get::<Lines>(&list).await {
                let phones = lines.phones.into_iter().map(|line| (line.name, line.url)).collect();
                *told.write().unwrap_or_else(PoisonError::into_inner) = phones;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let addresses = move || known.read().unwrap_or_else(PoisonError::into_inner).clone();
    (Arc::new(addresses), Box::pin(looking))
}
