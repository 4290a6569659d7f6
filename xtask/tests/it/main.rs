//! Rules about the workspace itself.
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod floors;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod workspace;
