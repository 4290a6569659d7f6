//! The cases of x509-limbo (`vectors/x509-limbo.json`), put to the rules of a path.
//!
//! Their roots have another name than ours, which alone would refuse every one of them. So each case is given
//! to what stands behind the name: which certificate is a root, and what hangs on it. What is left out is the
//! rule of a kind (policy and usages), which those certificates do not have.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    trusted_certs: Vec<String>,
    peer_certificate: String,
    validation_time: Option<Timestamp>,
    expected_result: String,
}

/// Where nothing else is said: the day on which the cases were made.
const TODAY: &str = "2026-06-29T00:00:00Z";

fn limbo() -> Vec<Case> {
    serde_json::from_str::<Limbo>(include_str!("../../../../vectors/x509-limbo.json")).unwrap().testcases
}

fn verdict(case: &Case) -> Result<(), PathError> {
    let roots = case.trusted_certs.iter().filter_map(|pem| Certificate::from_pem(pem).ok());
    let store = TrustStore { kind: CertificateKind::PhoneAuth, roots: roots.filter(is_root).collect() };
    let certificate = Certificate::from_pem(&case.peer_certificate)?;
    let at = case.validation_time.unwrap_or_else(|| TODAY.parse().unwrap());
    store.common_checks(&certificate, at).map(drop)
}

/// Each that is judged otherwise, with why it may be: a word in brackets and cases below it.
fn differences() -> BTreeMap<&'static str, &'static str> {
    let (mut reason, mut listed) = ("", BTreeMap::new());
    for line in include_str!("../../../../vectors/x509-limbo-differences.txt").lines() {
        match line.strip_prefix("[").and_then(|line| line.strip_suffix("]")) {
            Some(next) => reason = next,
            None if line.is_empty() || line.starts_with('#') => (),
            None => assert!(!reason.is_empty() && listed.insert(line, reason).is_none(), "{line}"),
        }
    }
    listed
}

/// How many there are. This number may fall and never rise.
const DIFFERENCES_MAX: usize = 71;

#[test]
fn abuse_e02_every_case_of_limbo_is_judged_as_it_says_or_is_listed_with_a_reason() {
    let (cases, listed) = (limbo(), differences());
    let differs = |case: &Case| verdict(case).is_ok() != (case.expected_result == "SUCCESS");
    let found = cases.iter().filter(|case| differs(case)).map(|case| case.id.as_str());
    let found = found.collect::<alloc::collections::BTreeSet<_>>();
    let of_list = listed.keys().copied().collect();
    let new = found.difference(&of_list).collect::<Vec<_>>();
    let gone = of_list.difference(&found).collect::<Vec<_>>();
    assert!(new.is_empty(), "judged otherwise, and not listed: {new:#?}");
    assert!(gone.is_empty(), "listed, and judged as it says: {gone:#?}");
    assert!(listed.len() <= DIFFERENCES_MAX, "the list may only shrink");
    assert_eq!(cases.len(), 172);
}

/// By the one interface: whoever signed them, they hang on no root of ours.
#[test]
fn abuse_e02_no_case_of_limbo_is_a_certificate_of_any_kind() {
    for case in limbo() {
        let Ok(certificate) = Certificate::from_pem(&case.peer_certificate) else { continue };
        let roots = || case.trusted_certs.iter().filter_map(|pem| Certificate::from_pem(pem).ok());
        for kind in CertificateKind::ALL {
            let store = TrustStore::new(kind, roots());
            let refused = store.validate(&certificate, TODAY.parse().unwrap()).map(drop);
            assert_eq!(refused, Err(PathError::UnknownIssuer), "{}", case.id);
        }
    }
}
