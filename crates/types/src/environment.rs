/// Where a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On one machine, with synthetic residents.
    Sandbox,
    /// For real.
    Production,
}
