//! Phones through their HTTP interface, with real elements and cards, an authority whose answers can be lost,
//! and cards that can be torn away.

#[cfg(test)]
mod cuts;
#[cfg(test)]
mod cutting_off;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod world;
