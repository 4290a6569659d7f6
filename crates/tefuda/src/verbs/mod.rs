//! One module a noun.

pub mod authority;
pub mod card;
pub mod clock;
pub mod doctor;
pub mod phone;
mod phone_consent;
mod phone_enrol;
mod phone_login;
pub mod pins;
pub mod reset;
pub mod resident;
pub mod rp;
pub mod trust;

use crate::{
    Done,
    arguments::{Common, Verb},
    bench, serve, up,
};

/// Does what was typed.
pub async fn run(common: &Common, verb: Verb) -> Done {
    let home = common.home.as_path();
    match verb {
        Verb::Up(options) => up::up(common, &options).await,
        Verb::Serve(options) => serve::serve(common, &options).await,
        Verb::Clock(verb) => clock::run(home, verb).await,
        Verb::Resident(verb) => resident::run(home, verb).await,
        Verb::Card(verb) => card::run(home, verb).await,
        Verb::Phone(verb) => phone::run(home, verb).await,
        Verb::Authority(verb) => authority::run(home, verb).await,
        Verb::Rp(verb) => rp::run(home, verb).await,
        Verb::Trust(verb) => trust::run(home, verb).await,
        Verb::Doctor => doctor::run(home).await,
        Verb::Bench(options) => Box::pin(bench::run(common, &options)).await,
        Verb::Reset { yes } => reset::run(home, yes),
    }
}
