//! The model catalogue: which phones there are, and what each family can do since when.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use tefuda_types::{Family, Timestamp, civil_day};
use thiserror::Error;

/// The file, readable.
const MODELS: &str = include_str!("../data/models.toml");
/// What a phone needs for certificates.
const CERTIFICATES: &str = "electronic-certificates";

/// Why a phone cannot enrol.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// No such model.
    #[error("there is no model {0}")]
    ModelNotFound(String),
    /// No chip.
    #[error("the model has no secure element")]
    NoSecureElement,
    /// The operating system is too old.
    #[error("the operating system is older than version {0}")]
    TooOld(u16),
    /// The portal app is too old.
    #[error("the portal app is older than version {0}")]
    AppTooOld(String),
    /// Not offered on this family yet.
    #[error("the service begins on {0} for this family")]
    NotYet(Date),
}

tefuda_types::reasons! { CatalogueError {
    ModelNotFound(_) => "phone.model_not_found", Caller;
    NoSecureElement => "enrol.no_secure_element", Policy;
    TooOld(_) => "enrol.model_too_old", Policy;
    AppTooOld(_) => "enrol.app_too_old", Policy;
    NotYet(_) => "enrol.not_yet_offered", Policy;
} }

/// Something that phones of a family can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Stable name.
    pub id: String,
    /// Since which day in Japan; announced without a date if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
}

/// A family of phones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyEntry {
    /// Which.
    pub id: Family,
    /// Oldest version of the operating system.
    pub os_version_min: u16,
    /// Oldest version of the portal app, `major.minor.patch`.
    pub app_version_min: String,
    /// What it can do.
    pub features: Vec<Feature>,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Stable name.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Family.
    pub family: Family,
    /// Version of its operating system.
    pub os_version: u16,
    /// Whether it has a secure element.
    pub secure_element: bool,
    /// Version of the portal app that is on it.
    pub app_version: String,
}

/// The whole catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Families.
    #[serde(rename(deserialize = "family"))]
    pub families: Vec<FamilyEntry>,
    /// Models.
    #[serde(rename(deserialize = "model"))]
    pub models: Vec<Model>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| toml::from_str(MODELS).unwrap_or_default());

impl Catalogue {
    /// The catalogue that this version knows.
    #[must_use]
    pub fn known() -> &'static Self {
        &CATALOGUE
    }

    /// A model by its name.
    ///
    /// # Errors
    /// [`CatalogueError::ModelNotFound`].
    pub fn model(&self, id: &str) -> Result<&Model, CatalogueError> {
        let found = self.models.iter().find(|model| model.id == id);
        found.ok_or_else(|| CatalogueError::ModelNotFound(id.to_owned()))
    }

    /// The first model of a family that can enrol: what a new phone is unless said otherwise.
    ///
    /// # Errors
    /// [`CatalogueError::ModelNotFound`].
    pub fn first_of(&self, family: Family) -> Result<&Model, CatalogueError> {
        let found = self.models.iter().find(|model| model.family == family);
        found.ok_or_else(|| CatalogueError::ModelNotFound(family.to_string()))
    }

    /// Step 1: whether a model with its app can hold certificates at a civil time.
    ///
    /// # Errors
    /// [`CatalogueError`] with the way out.
    pub fn check(&self, model: &Model, at: Timestamp) -> Result<(), CatalogueError> {
        if !model.secure_element {
            return Err(CatalogueError::NoSecureElement);
        }
        let Some(family) = self.families.iter().find(|family| family.id == model.family) else {
            return Err(CatalogueError::ModelNotFound(model.id.clone()));
        };
        if model.os_version < family.os_version_min {
            return Err(CatalogueError::TooOld(family.os_version_min));
        }
        if version(&model.app_version) < version(&family.app_version_min) {
            return Err(CatalogueError::AppTooOld(family.app_version_min.clone()));
        }
        let since = family.features.iter().find(|f| f.id == CERTIFICATES).and_then(|f| f.since);
        match since {
            Some(day) if civil_day(at) < day => Err(CatalogueError::NotYet(day)),
            _ => Ok(()),
        }
    }
}

/// Numbers of a version, in order of weight. What is no number counts as 0.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_is_let_in_or_refused_with_its_reason() {
        let catalogue = Catalogue::known();
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        let verdict = |id: &str| catalogue.check(catalogue.model(id).unwrap(), now);
        assert_eq!(verdict("mihon-a15"), Ok(()));
        assert_eq!(verdict("mihon-i17"), Ok(()));
        assert_eq!(verdict("mihon-a-lite"), Err(CatalogueError::NoSecureElement));
        assert_eq!(verdict("mihon-i10"), Err(CatalogueError::TooOld(18)));
        assert_eq!(verdict("mihon-a15-old-app"), Err(CatalogueError::AppTooOld("2.0.0".to_owned())));
        assert!(catalogue.model("nokia").is_err());
    }

    #[test]
    fn a_family_begins_on_its_day_in_japan() {
        let catalogue = Catalogue::known();
        let iphone = catalogue.first_of(Family::Iphone).unwrap();
        let before = "2025-06-23T23:59:59+09:00".parse().unwrap();
        let first = "2025-06-24T00:00:00+09:00".parse().unwrap();
        assert!(matches!(catalogue.check(iphone, before), Err(CatalogueError::NotYet(_))));
        assert_eq!(catalogue.check(iphone, first), Ok(()));
    }
}
