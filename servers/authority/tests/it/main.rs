//! The authority through its HTTP interface, with cards and elements as they are, and a clock that is set.

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod applications;
#[cfg(test)]
mod consoles;
#[cfg(test)]
mod cutting_off;
#[cfg(test)]
mod elements;
#[cfg(test)]
mod me;
#[cfg(test)]
mod residents;
#[cfg(test)]
mod world;
