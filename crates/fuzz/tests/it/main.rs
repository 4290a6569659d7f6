//! The corpora, what once failed, and seeded mutations of both, through every target.
#[cfg(test)]
mod densest;
#[cfg(test)]
mod mutate;
#[cfg(test)]
mod replay;
