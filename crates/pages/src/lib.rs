//! What people see: one stylesheet, one layout, two languages, and a page for every reason code.
//!
//! No page holds a rule. Templates of actors extend `layout.html` of this crate (their `askama.toml` names this
//! crate's folder); texts come from the message catalogues here, in Japanese and English, through [`Texts`].

extern crate self as tefuda_pages; // templates name this crate as those of other crates do

mod answer;
mod assets;
pub mod dates;
mod frame;
mod icon;
mod language;
pub mod qr;
pub mod reasons;
mod texts;

pub use answer::{Page, PageError, common, guarded, not_found, problem_page};
pub use assets::Asset;
pub use frame::{Frame, Link};
pub use icon::icon;
pub use language::Language;
pub use reasons::Refusal;
pub use texts::Texts;
