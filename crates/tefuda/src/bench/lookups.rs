//! Whether a certificate stands: looked up in lists that were fetched before, against one look into a table.

use std::{collections::BTreeMap, hint::black_box, time::Duration};
use tefuda_pki::Certificate;
use tefuda_protocol::statement::{CertificateReference, Heartbeat, Statement};
use tefuda_store::Databases;
use tefuda_types::{CertificateKind, Serial, Timestamp};
use tefuda_verifier::StatusBook;

use super::{
    Row, Rows,
    meter::Meter,
    responder,
    stage::{self, Stage},
};
use crate::failure::Failure;

/// The thread that looks up.
const THREAD: &str = "bench-lookups";
/// Look-ups between two looks at the clock.
const ROUND: u32 = 1_000;

pub async fn rows(time: Duration) -> Rows {
    let stage = Stage::open("lookup", Databases::InHome).await?;
    let (issuer, serial) = responder::somebodys(&stage).await?;
    let book = fetched(&stage, &issuer).await?;
    let at = book.newest_signed();
    let key_id = tefuda_types::hexadecimal(&issuer.key_id());
    let certificate =
        CertificateReference { kind: CertificateKind::PhoneAuth, issuer_key_id: key_id, serial };
    let lookups = on_one_core(time, move || {
        black_box(book.status(black_box(&certificate), at));
    });
    let wanted: Serial = issuer.serial().clone();
    let table: BTreeMap<Serial, ()> = [(wanted.clone(), ())].into();
    let raw = on_one_core(time / 4, move || {
        black_box(table.get(black_box(&wanted)));
    });
    let (lookups, raw) = (lookups.await?, raw.await?);
    let limit = (raw, "look-ups in one ordered table in memory");
    Ok(vec![Row::new("look-ups in the delta and the full list", "1/core s", lookups, limit)])
}

/// What a verifier has when it has fetched everything.
async fn fetched(stage: &Stage, root: &Certificate) -> Result<StatusBook, Failure> {
    let running = &stage.running;
    let mut book = StatusBook::new(CertificateKind::PhoneAuth, Timestamp::MIN);
    book.add_roots([root.clone()]);
    for list in ["phone-auth-g1.crl", "phone-auth-g1.delta.crl"] {
        let list = running.client.get_bytes(&running.url("authority", &format!("/crl/{list}"))).await?;
        book.take_list(&list).map_err(stage::failed)?;
    }
    let beat: Statement<Heartbeat> = running.get("authority", "/status/phone-auth/heartbeat").await?;
    book.take_heartbeat(&beat).map_err(stage::failed)?;
    Ok(book)
}

async fn on_one_core(time: Duration, mut act: impl FnMut() + Send + 'static) -> Result<f64, Failure> {
    stage::on_thread(THREAD, async move {
        let (meter, mut count) = (Meter::of(&[THREAD]), 0_u32);
        while meter.read().wall < time {
            for _ in 0..ROUND {
                act();
            }
            count = count.saturating_add(ROUND);
        }
        Ok(meter.read().per_core_second(count))
    })
    .await
}
