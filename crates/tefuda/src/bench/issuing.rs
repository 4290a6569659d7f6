//! Certificates against the signatures in them.

use anyhow::anyhow;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tefuda_authority_server::MeasuredCa;
use tefuda_keys::SystemRandom;
use tefuda_store::Databases;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Row, Rows,
    meter::{Measured, Meter, SQLITE},
    stage::{self, Place},
};
use crate::failure::Failure;

/// The thread that issues.
const THREAD: &str = "bench-issuer";
/// Who wait for a certificate at a time: two turns of the CA.
const WAITING: u32 = 128;
/// Octets of what is signed raw: as many as the signed part of a certificate.
const CERTIFICATE_OCTETS: usize = 900;
/// Octets of an RSA modulus.
const MODULUS_OCTETS: usize = 256;

/// RSA-2048 signatures of a second of one core, by the same library.
#[derive(Debug)]
pub struct Raw {
    pub signatures: f64,
}

impl Raw {
    pub async fn measure(time: Duration) -> Result<Self, Failure> {
        let place = Place::new("raw")?;
        let ca = MeasuredCa::open(&stage::context(&place, 0, Databases::InHome)?).await;
        let ca = ca.map_err(stage::failed)?;
        let signatures = stage::on_thread(THREAD, async move {
            let (message, meter) = ([7; CERTIFICATE_OCTETS], Meter::of(&[THREAD]));
            let mut count = 0;
            while meter.read().wall < time {
                for _ in 0..50 {
                    ca.sign(&message)?;
                }
                count += 50;
            }
            Ok(meter.read().per_core_second(count))
        })
        .await?;
        Ok(Self { signatures })
    }
}

pub async fn rows(time: Duration, raw: &Raw) -> Rows {
    let place = Place::new("issue")?;
    let context = stage::context(&place, 0, Databases::InHome)?;
    let (count, measured): (u32, Measured) = stage::on_thread(THREAD, async move {
        let ca = Arc::new(MeasuredCa::open(&context).await?);
        let (meter, until) = (Meter::of(&[THREAD, SQLITE]), Instant::now() + time);
        let number = Arc::new(AtomicU64::new(0));
        let mut waiting = JoinSet::new();
        for _ in 0..WAITING {
            waiting.spawn(issue(Arc::clone(&ca), Arc::clone(&number), until));
        }
        let mut count = 0;
        while let Some(issued) = waiting.join_next().await {
            count += issued??;
        }
        Ok((count, meter.read()))
    })
    .await?;
    let limit = (raw.signatures, "RSA-2048 signatures of the same library in a second of a core");
    Ok(vec![
        Row::new("raw signatures", "1/core s", raw.signatures, limit),
        Row::new("certificates issued", "1/core s", measured.per_core_second(count), limit),
        Row::new("certificates issued, by the clock", "1/s", measured.per_second(count), limit),
    ])
}

async fn issue(ca: Arc<MeasuredCa>, number: Arc<AtomicU64>, until: Instant) -> anyhow::Result<u32> {
    let mut count = 0;
    while Instant::now() < until {
        ca.issue(number.fetch_add(1, Ordering::Relaxed), key()?).await?;
        count += 1;
    }
    Ok(count)
}

/// A public key with nobody behind it: an odd number without small factors. To make a real one takes as long as a
/// hundred certificates.
fn key() -> anyhow::Result<Vec<u8>> {
    const PRIMES: [u64; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
        103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    for _ in 0..1_000 {
        let mut modulus = SystemRandom::octets::<MODULUS_OCTETS>();
        modulus.first_mut().into_iter().for_each(|first| *first |= 0x80);
        modulus.last_mut().into_iter().for_each(|last| *last |= 1);
        let rest =
            |prime: u64| modulus.iter().fold(0, |rest, octet| (rest * 256 + u64::from(*octet)) % prime);
        if PRIMES.into_iter().all(|prime| rest(prime) != 0) {
            return tefuda_keys::rsa_spki(&modulus).ok_or_else(|| anyhow!("no key of that modulus"));
        }
    }
    Err(anyhow!("no modulus without small factors"))
}
