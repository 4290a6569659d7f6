//! Rules about the workspace itself.
#[cfg(test)]
mod floors;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod workspace;
